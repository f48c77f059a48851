package query

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
)

// stopped is ctx's error, looked at for one i of 65,536: a loop over many rows calls
// it for each of them.
func stopped(ctx context.Context, i int) error {
	if i&(1<<16-1) != 0 {
		return nil
	}
	return ctx.Err()
}

// sortSpread sorts rows whose keys are spread evenly, as those of hashes are:
// divided into parts by the top bits of the key, and the parts in parallel. It
// stops between parts when ctx is done, and leaves rows in some order.
func sortSpread[T any](ctx context.Context, threads int, rows []T, top func(T) byte, compare func(x, y T) int) error {
	const parts = 1 << 8
	if len(rows) < parts {
		slices.SortFunc(rows, compare)
		return ctx.Err()
	}
	starts := partition(rows, parts, func(row T) int { return int(top(row)) })
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(threads)
	for i := range parts {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			slices.SortFunc(rows[starts[i]:starts[i+1]], compare)
			return nil
		})
	}
	return g.Wait()
}

// partition reorders rows in place, those of part 0 first, and returns where
// each part begins; one end more than parts. It keeps no order within a part.
func partition[T any](rows []T, parts int, part func(T) int) []int {
	starts := make([]int, parts+1)
	for _, c := range rows {
		starts[part(c)+1]++
	}
	for i := range parts {
		starts[i+1] += starts[i]
	}
	next := slices.Clone(starts[:parts]) // where the next row of a part goes
	for i := range parts {
		for next[i] < starts[i+1] {
			c := rows[next[i]]
			for to := part(c); to != i; to = part(c) {
				c, rows[next[to]] = rows[next[to]], c
				next[to]++
			}
			rows[next[i]] = c
			next[i]++
		}
	}
	return starts
}
