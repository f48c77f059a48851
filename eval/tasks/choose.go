package tasks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// choose returns the places of the rows that o takes, in ascending order.
//
// Of n rows out of N spread over the data, the i-th is the one at (2i+1)N/2n, rounded down: a systematic sample.
// Over rows sorted by a field, it gives each value its share of n within one row, without any value named: implicit
// stratification (Cochran 1977, "Sampling Techniques", chapter 8; as NAEP draws schools).
func (o *Options) choose(rows []json.RawMessage) ([]int, error) {
	if o.Limit < 0 {
		return nil, fmt.Errorf("a limit of %d examples", o.Limit)
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	if o.Limit == 0 || o.Limit >= len(rows) {
		return order, nil
	}
	if !o.Spread {
		return order[:o.Limit], nil
	}
	if o.By != "" {
		values, has := make([]string, len(rows)), false
		for i, row := range rows {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(row, &fields); err != nil {
				return nil, fmt.Errorf("example %d: %w", i, err)
			}
			value, ok := fields[o.By]
			if json.Unmarshal(value, &values[i]) != nil {
				values[i] = string(value) // no string: as it is written
			}
			has = has || ok
		}
		if !has {
			return nil, fmt.Errorf("no example has the field %q, by which they are to be spread", o.By)
		}
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	}
	chosen := make([]int, o.Limit)
	for i := range chosen {
		chosen[i] = order[(2*i+1)*len(rows)/(2*o.Limit)]
	}
	slices.Sort(chosen)
	return chosen, nil
}
