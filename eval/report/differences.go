package report

import (
	"html/template"

	"smelt/compute/chart"
	"smelt/eval/compare"
	"smelt/eval/results"
)

// verdict is what a comparison found.
type verdict struct {
	*compare.Comparison
	Chart   template.HTML
	Tasks   []compare.Task // tested together
	Parts   []compare.Task
	Conduct []compare.Task // of behaviour
}

func judged(c *compare.Comparison) (*verdict, error) {
	if c == nil {
		return nil, nil
	}
	v := &verdict{Comparison: c}
	d := chart.Differences{
		Page: "differences-", Title: line(c.B.Label) + " less " + line(c.A.Label),
		Left: line(c.A.Label) + " is better", Right: line(c.B.Label) + " is better",
	}
	for _, t := range c.Tasks {
		m := t.Primary()
		switch {
		case t.Kind == results.Behaviour:
			v.Conduct = append(v.Conduct, t)
			continue
		case t.Group != "":
			v.Parts = append(v.Parts, t)
			continue
		}
		v.Tasks = append(v.Tasks, t)
		if m == nil {
			continue
		}
		row := chart.Difference{
			Name: name(t.Name) + ", n " + chart.Fixed(float64(m.N), 0), Note: metric(m.Name), Sign: string(m.Verdict), Said: said(m),
			Value: chart.Interval{Value: float64(m.Difference), Low: float64(m.Low), High: float64(m.High)},
		}
		if !m.HigherIsBetter { // to the right is always better
			row.Value = chart.Interval{Value: -row.Value.Value, Low: -row.Value.High, High: -row.Value.Low}
		}
		d.Rows = append(d.Rows, row)
	}
	if len(d.Rows) == 0 {
		return v, nil
	}
	var err error
	v.Chart, err = drawn(d.SVG)
	return v, err
}

// before is how a composite differs, or nil.
func before(v *verdict, name string) *compare.Composite {
	if v != nil {
		for i := range v.Composites {
			if v.Composites[i].Name == name {
				return &v.Composites[i]
			}
		}
	}
	return nil
}

// said is a verdict as a row of a chart has it.
func said(m *compare.Metric) string {
	switch m.Verdict {
	case compare.Better:
		return "▲ better"
	case compare.Worse:
		return "▼ worse"
	case "":
		return "not tested"
	}
	return "no difference shown"
}

// heldOut is the held-out rows' losses, compared or not.
type heldOut struct {
	*results.HeldOut
	Rows     []results.Bucket // the buckets, then all
	Compared []compare.Bucket
}

func held(r *results.Results, c *compare.Comparison) *heldOut {
	if r.HeldOut == nil {
		return nil
	}
	h := &heldOut{HeldOut: r.HeldOut}
	h.Rows = append(append(h.Rows, r.HeldOut.Buckets...), r.HeldOut.All)
	if len(r.HeldOut.Buckets) > 0 {
		h.Rows[len(h.Rows)-1].Name = ""
	}
	if c != nil {
		h.Compared = c.HeldOut
	}
	return h
}
