package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"

	"smelt/bench"
	"smelt/compute/train"
	"smelt/compute/train/finetune"
)

// training shows how a run goes: a bar on a terminal, a JSON object an event elsewhere.
type training struct {
	*app
	plan *finetune.Plan
	bar  *pb.ProgressBar
	seen map[string]float64 // smoothed loss of each bucket
	list []string           // of the buckets, as they came
	told bool               // that a run goes on, if it does
}

func (t *trainer) newTraining(plan *finetune.Plan) *training {
	p := &training{app: t.app, plan: plan, seen: map[string]float64{}}
	if isTerminal(t.stderr) {
		p.bar = pb.ProgressBarTemplate(`{{string . "step"}} {{bar . }} {{percent . }} {{string . "rest"}}`).New(plan.Steps)
		p.bar.SetWriter(t.stderr).SetRefreshRate(200 * time.Millisecond)
		if columns, _, err := term.GetSize(int(t.stderr.(*os.File).Fd())); err == nil && columns <= 0 {
			p.bar.SetWidth(80)
		}
		p.bar.Set("step", fmt.Sprintf("step 0 / %s", thousands(int64(plan.Steps))))
		p.bar.Start()
	}
	return p
}

func (p *training) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

// event shows an event.
func (p *training) event(e train.Event) {
	if p.bar == nil {
		p.line(e)
		return
	}
	switch e := e.(type) {
	case *train.Progress:
		if !p.told && e.Step > 1 {
			p.above("the run goes on after step %s", thousands(int64(e.Step-1)))
		}
		p.told = true
		step := fmt.Sprintf("step %s / %s", thousands(int64(e.Step)), thousands(int64(e.Of)))
		p.bar.Set("step", step).Set("rest", fitting(p.bar.Width()-len(step)-barColumns, p.words(e)))
		p.bar.SetCurrent(int64(e.Step))
	case *train.Validation:
		p.above("validation after step %s: loss %s%s", thousands(int64(e.Step)), lossText(e.Loss, e.StdErr), bucketText(e.Buckets))
	case *train.Warning:
		p.above("warning: %s", e.Text)
	}
}

// above prints a line that stays, over the bar.
func (p *training) above(format string, args ...any) {
	_, _ = fmt.Fprint(p.stderr, "\r\x1b[K")
	_ = p.say(format, args...)
}

// line writes an event as the metrics have it, with what the machine gives.
func (p *training) line(e train.Event) {
	text, err := train.MarshalEvent(e)
	if err != nil {
		return
	}
	if step, ok := e.(*train.Progress); ok {
		more, _ := json.Marshal(map[string]any{"share_of_peak": p.share(step), "peak_rss_bytes": bench.PeakRSS()})
		text = append(append(text[:len(text)-1], ','), more[1:]...)
	}
	_, _ = fmt.Fprintf(p.stderr, "%s\n", text)
}

// share is which part of the machine's speed in products a step reached.
func (p *training) share(e *train.Progress) float64 {
	return e.TokensPerSecond * p.plan.LeastPerToken
}

// barColumns is how many columns the bar and its percentage take at least.
const barColumns = 22

// words say how the run goes, what matters most before the rest.
func (p *training) words(e *train.Progress) []string {
	all, buckets := p.losses(e)
	words := []string{"ETA " + roughly(e.SecondsLeft), all, thousands(int64(e.TokensPerSecond)) + " tokens/s", buckets,
		fmt.Sprintf("%.0f%% of peak", 100*p.share(e))}
	if rss := bench.PeakRSS(); rss > 0 {
		words = append(words, fmt.Sprintf("%.1f GB", float64(rss)/1e9))
	}
	return words
}

// fitting joins as many of the words as columns have room for; the first always.
func fitting(columns int, words []string) string {
	text := words[0]
	for _, word := range words[1:] {
		if word != "" && utf8.RuneCountInString(text)+2+utf8.RuneCountInString(word) <= columns {
			text += ", " + word
		}
	}
	return text
}

// losses are that of all and those of each bucket, smoothed.
func (p *training) losses(e *train.Progress) (all, buckets string) {
	for _, b := range e.Buckets {
		if old, ok := p.seen[b.Bucket]; ok {
			p.seen[b.Bucket] = 0.95*old + 0.05*b.Loss
		} else {
			p.seen[b.Bucket] = b.Loss
			p.list = append(p.list, b.Bucket)
		}
	}
	if len(p.list) > 1 {
		var parts []string
		for _, bucket := range p.list {
			parts = append(parts, fmt.Sprintf("%s %.2f", bucket, p.seen[bucket]))
		}
		buckets = strings.Join(parts, " ")
	}
	return fmt.Sprintf("loss %.3f", e.Smoothed), buckets
}

func lossText(loss, stderr float64) string {
	if stderr == 0 {
		return fmt.Sprintf("%.4f", loss)
	}
	return fmt.Sprintf("%.4f ± %.4f", loss, stderr)
}

func bucketText(list []train.BucketLoss) string {
	if len(list) < 2 {
		return ""
	}
	var parts []string
	for _, b := range list {
		parts = append(parts, b.Bucket+" "+lossText(b.Loss, b.StdErr))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// roughly writes a time as people say it.
func roughly(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}
