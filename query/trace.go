package query

import (
	"fmt"
	"runtime/metrics"
	"time"

	"smelt/query/plan"
)

// Step is one step of a statement that was run, as EXPLAIN ANALYZE shows it.
type Step struct {
	Name string `json:"step"`
	Rows int64  `json:"rows"` // that were left after it, or that it wrote
	// Elapsed is its time on the clock, in nanoseconds.
	Elapsed time.Duration `json:"elapsed_ns"`
	// Allocated is the memory it asked for, in bytes, much of which is free again
	// when it ends. Other statements at work in the process count too.
	Allocated int64 `json:"allocated_bytes"`
}

// trace notes the steps of a statement. nil notes nothing.
type trace struct {
	steps     []Step
	at        time.Time
	allocated int64
}

func newTrace() *trace { return &trace{at: time.Now(), allocated: allocated()} }

// step ends a step, which began where the one before ended.
func (t *trace) step(name string, rows int64) {
	if t == nil {
		return
	}
	at, bytes := time.Now(), allocated()
	t.steps = append(t.steps, Step{name, rows, at.Sub(t.at), bytes - t.allocated})
	t.at, t.allocated = at, bytes
}

// allocated is how many bytes of memory the process has asked for so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64())
}

// text is the steps as a table.
func (t *trace) text() string {
	total := Step{Name: "all"}
	rows := [][]string{{"step", "rows", "ms", "MB allocated"}}
	add := func(s Step, n string) {
		rows = append(rows, []string{s.Name, n, fmt.Sprintf("%.1f", s.Elapsed.Seconds()*1e3), fmt.Sprintf("%.1f", float64(s.Allocated)/1e6)})
	}
	for _, s := range t.steps {
		add(s, plan.Thousands(s.Rows))
		total.Elapsed += s.Elapsed
		total.Allocated += s.Allocated
	}
	add(total, "")
	return plan.AlignText(rows)
}
