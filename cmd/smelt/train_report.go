package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
	"smelt/compute/kernel/cpu"
	"smelt/compute/train"
	"smelt/compute/train/card"
	"smelt/compute/train/finetune"
)

func sortOrigins(list []originCount) {
	slices.SortFunc(list, func(a, b originCount) int {
		if c := strings.Compare(a.Bucket, b.Bucket); c != 0 {
			return c
		}
		if c := strings.Compare(a.Source, b.Source); c != 0 {
			return c
		}
		return strings.Compare(a.License, b.License)
	})
}

// preflightReport is what --dry-run --json prints.
type preflightReport struct {
	Rows       drawnRows        `json:"rows"`
	Data       train.Stats      `json:"data"`
	Validation *train.Stats     `json:"validation"`
	Plan       *finetune.Plan   `json:"plan"`
	Examples   []finetune.Shown `json:"examples,omitempty"`
}

// preflight says what the run will take, and shows what it learns.
func (t *trainer) preflight(plan *finetune.Plan) error {
	show := t.cmd.Show
	if show == 0 && isTerminal(t.stdout) {
		show = 1
	}
	shown, err := t.job.Show(show)
	if err != nil {
		return err
	}
	r := preflightReport{Rows: t.drawn, Data: t.job.Stats(), Plan: plan, Examples: shown}
	if v, ok := t.job.Validated(); ok {
		r.Validation = &v
	}
	if t.JSON {
		if !t.cmd.DryRun {
			return nil // the report at the end has it
		}
		return t.print(writeJSON(t.stdout, &r))
	}
	w := t.stdout
	if !t.cmd.DryRun && !isTerminal(t.stdout) {
		w = t.stderr // results alone go into a pipe
	}
	if err := t.print(t.writePreflight(w, &r)); err != nil {
		return err
	}
	l := t.look(w)
	for _, e := range shown {
		if err := t.print(writeShown(w, e, l)); err != nil {
			return err
		}
	}
	return nil
}

func percent(part, whole int64) string {
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(max(whole, 1)))
}

func (t *trainer) writePreflight(w io.Writer, r *preflightReport) error {
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-11s %s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	o, d, plan := t.job.Options(), &r.Data, r.Plan
	line("rows", "%s: %s", counted(r.Rows.Rows, "row"), r.Rows.Statement)
	if r.Rows.Delivered < r.Rows.Asked {
		line("", "%s of %s asked: the buckets have no more", counted(r.Rows.Delivered, "row"), thousands(r.Rows.Asked))
	}
	for _, note := range r.Rows.Notes {
		line("note", "%s", note)
	}
	line("tokens", "%s, %s of them learned, %s in the longest example", thousands(d.Tokens), percent(d.Learned, d.Tokens), thousands(int64(d.Longest)))
	if d.CutRows > 0 {
		line("", "%s longer than %s tokens and cut there", counted(int64(d.CutRows), "row"), thousands(int64(o.Context)))
	}
	if d.SplitRows > 0 {
		line("", "%s whose answers are learned apart, as the template asks", counted(int64(d.SplitRows), "row"))
	}
	if d.Straddles > 0 {
		line("", "%s on both sides of an answer's border, learned if they begin in it", counted(int64(d.Straddles), "token"))
	}
	for _, drop := range d.Dropped {
		line("", "%s dropped: %s (the first is row %d)", counted(int64(drop.Rows), "row"), drop.Reason, drop.First+1)
	}
	if v := r.Validation; v != nil {
		line("validation", "%s that are never trained on, %s tokens", counted(int64(v.Rows), "row"), thousands(v.Tokens))
	} else {
		line("validation", "none: %s", r.Rows.Unheld)
	}
	line("blocks", "%s of %s tokens, %.1f%% full, nothing padded", thousands(int64(d.Blocks)), thousands(int64(d.BlockTokens)), 100*d.Fill)
	line("steps", "%s of %s, %s", thousands(int64(plan.Steps)), counted(int64(o.Train.BlocksPerStep), "block"), counted(int64(len(d.Epochs)), "epoch"))
	method := "all weights"
	if o.Train.Method == train.LoRA {
		method = fmt.Sprintf("LoRA of rank %d", o.LoRA.Rank)
	}
	line("trains", "%s of %s parameters (%s), learning rate %g", thousands(plan.Trained), thousands(plan.Parameters), method, o.Train.LearningRate)
	room := ""
	if plan.Available > 0 {
		room = " of " + megabytes(plan.Available) + " there are"
	}
	line("memory", "%s%s", megabytes(plan.Bytes), room)
	for _, part := range plan.Memory {
		line("", "%10s  %s", megabytes(part.Bytes), part.What)
	}
	if plan.Recompute > 0 {
		line("", "activations of %s are computed twice to fit", counted(int64(plan.Recompute), "layer"))
	}
	line("disk", "%s for checkpoints and results", megabytes(plan.Disk))
	line("time", "about %s at %s tokens/s, %.0f%% of what this machine multiplies", roughly(plan.Seconds), thousands(int64(plan.TokensPerSecond)),
		100*plan.TokensPerSecond*plan.LeastPerToken)

	table := newTable([]string{"bucket", "rows", "tokens", "learned", "dropped"}, map[int]bool{1: true, 2: true, 3: true, 4: true})
	for _, b := range d.Buckets {
		table.AppendRow(cells(b.Name, thousands(int64(b.Rows)), thousands(b.Tokens), percent(b.Learned, b.Tokens), thousands(int64(b.Dropped))))
	}
	_, err := fmt.Fprintf(w, "\n%s\n\n", trimLines(table.Render()))
	return err
}

func cells(list ...any) table.Row { return list }

// writeShown prints an example: what is learned stands out, and control tokens are faint.
// Without colours what is learned stands between marks.
func writeShown(w io.Writer, e finetune.Shown, l look) error {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "an example of %s, what is learned marked:\n", e.Bucket)
	learned := false
	for _, p := range e.Pieces {
		s := visibleLines(p.Text)
		switch {
		case l.colour && p.Learned:
			s = l.paint(s, green)
		case l.colour && p.Control:
			s = l.paint(s, faint)
		case !l.colour && p.Learned && !learned:
			s = "«" + s
		case !l.colour && !p.Learned && learned:
			s = "»" + s
		}
		learned = p.Learned
		text.WriteString(s)
	}
	if learned && !l.colour {
		text.WriteString("»")
	}
	_, err := fmt.Fprintf(w, "%s\n\n", strings.TrimRight(text.String(), "\n"))
	return err
}

// trainReport is what --json prints.
type trainReport struct {
	WorkDir string            `json:"work_dir"`
	Rows    drawnRows         `json:"rows"`
	Data    *train.Stats      `json:"data,omitempty"` // not of a run that was finished before
	Plan    *finetune.Plan    `json:"plan"`
	Result  *train.Result     `json:"result"`
	Outputs []finetune.Output `json:"outputs"`
	PeakRSS int64             `json:"peak_rss_bytes,omitempty"`
}

// report says what the run came to.
func (t *trainer) report(plan *finetune.Plan, result *train.Result, outputs []finetune.Output) error {
	data := t.job.Stats()
	r := &trainReport{t.cmd.WorkDir, t.drawn, &data, plan, result, outputs, bench.PeakRSS()}
	if t.JSON {
		return t.print(writeJSON(t.stdout, r))
	}
	w := t.stdout
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-11s %s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	line("trained", "%s in %s, %s tokens at %s tokens/s", counted(int64(result.Steps), "step"), roughly(result.Seconds), thousands(result.Tokens),
		thousands(int64(float64(result.Tokens)/max(result.Seconds, 1e-9))))
	if result.StoppedEarly {
		line("", "stopped early: validation was not better any more; the best parameters were kept")
	}
	if r.PeakRSS > 0 {
		line("memory", "%s at most, of %s planned", megabytes(r.PeakRSS), megabytes(plan.Bytes))
	}
	for _, o := range outputs {
		line("wrote", "%s, %s in %s; opened again, %d of %d tokens the same and %.2g nats apart", o.Path, megabytes(o.Bytes), strings.ToLower(o.Weights), o.SameBest, o.Positions, max(o.MeanKL, 0))
	}
	line("", "%s/%s, %s, %s, %s", t.cmd.WorkDir, finetune.CardName, finetune.LossName, train.MetricsName, configName)
	if result.Before == nil || result.After == nil {
		line("loss", "%.4f in the first step, %.4f smoothed at the end; nothing was held out to validate on", result.FirstLoss, result.Smoothed)
		return t.print(nil)
	}
	table := newTable([]string{"validation loss", "rows", "before", "after", "change"}, map[int]bool{1: true, 2: true, 3: true, 4: true})
	for _, e := range t.results(result) {
		table.AppendRow(cells(e.Name, thousands(e.Rows), lossText(e.Before.Mean, e.Before.StandardError), lossText(e.After.Mean, e.After.StandardError),
			fmt.Sprintf("%+.4f", e.After.Mean-e.Before.Mean)))
	}
	_, err := fmt.Fprintf(w, "\n%s\n", trimLines(table.Render()))
	return t.print(err)
}

// results are validation losses before and after, of all rows and of each bucket.
func (t *trainer) results(r *train.Result) []card.Result {
	if r.Before == nil || r.After == nil {
		return nil
	}
	stats, _ := t.job.Validated()
	list := []card.Result{{Name: "all", Rows: int64(stats.Rows - stats.DroppedRows()),
		Before: card.Estimate{Mean: r.Before.Loss, StandardError: r.Before.StdErr}, After: card.Estimate{Mean: r.After.Loss, StandardError: r.After.StdErr}}}
	for _, before := range r.Before.Buckets {
		at := slices.IndexFunc(r.After.Buckets, func(b train.BucketLoss) bool { return b.Bucket == before.Bucket })
		rows := slices.IndexFunc(stats.Buckets, func(b train.BucketStats) bool { return b.Name == before.Bucket })
		if at < 0 || rows < 0 {
			continue
		}
		after := r.After.Buckets[at]
		list = append(list, card.Result{Name: before.Bucket, Rows: int64(stats.Buckets[rows].Rows - stats.Buckets[rows].Dropped),
			Before: card.Estimate{Mean: before.Loss, StandardError: before.StdErr}, After: card.Estimate{Mean: after.Loss, StandardError: after.StdErr}})
	}
	return list
}

// card is the model card of the run.
func (t *trainer) card(result *train.Result, outputs []finetune.Output) *card.Card {
	c := &card.Card{
		BaseModel: t.cmd.Model, Statement: t.drawn.Statement, SampleDigest: t.drawn.Digest, Phase: t.drawn.Phase, Version: thisBuild().Version,
		Results: t.results(result), Steps: int64(result.Steps), PlannedSteps: int64(result.Of), Tokens: result.Trained,
		Duration: time.Duration(result.Seconds * float64(time.Second)),
		Machine:  fmt.Sprintf("%s, %s, %s", cpu.Brand(), cpu.Active(), counted(int64(t.job.Model().Threads()), "thread")),
	}
	for _, o := range outputs {
		switch o.Name {
		case finetune.AdapterName:
			c.Adapter = o.Name
		case finetune.MergedName:
			c.Merged = o.Name
		case finetune.GGUFName:
			c.GGUF = o.Name
		}
	}
	for _, o := range t.drawn.Origins {
		c.Sources = append(c.Sources, card.Source{Bucket: o.Bucket, Name: o.Source, License: o.License, Rows: o.Rows})
	}
	for _, s := range t.job.Settings() {
		c.Settings = append(c.Settings, card.Setting{Name: s.Name, Value: s.Value})
	}
	return c
}
