package tasks

import (
	"encoding/json"
	"fmt"

	"smelt/compute/jsontext"
	"smelt/eval/pyrandom"
)

// drawer picks the worked examples before a question, for one question after the other
// from one generator: the harness's ContextSampler and FirstNSampler.
type drawer struct {
	task   *Task
	n      int
	rows   []json.RawMessage
	keys   []string  // of rows, equal for equal rows; nil unless the question itself must be left out
	made   []*worked // of rows, or nil as long as it is not wanted
	random *pyrandom.Random
}

func (t *Task) newDrawer(r *reader, n int) (*drawer, error) {
	d := &drawer{task: t, n: n, random: pyrandom.New(Seed)}
	if n == 0 {
		return d, nil
	}
	if n < 0 {
		return nil, fmt.Errorf("task %s: %d worked examples", t.Name, n)
	}
	split, told := t.spec.shotSplit()
	if samples := t.spec.ShotConfig.Samples; !told && len(samples) > 0 {
		for _, s := range samples {
			row, err := json.Marshal(s)
			if err != nil {
				return nil, fmt.Errorf("task %s: fewshot_config.samples: %w", t.Name, err)
			}
			d.rows = append(d.rows, row)
		}
	} else {
		var err error
		if d.rows, err = r.split(split); err != nil {
			return nil, err
		}
	}
	// The harness compares the names of the splits as they were given, so that a task with
	// neither leaves out the question, too, and draws one more.
	if told && split == t.spec.Test || !told && t.spec.Test == "" {
		d.keys = make([]string, len(d.rows))
		for i, row := range d.rows {
			d.keys[i] = canonical(row)
		}
	}
	d.made = make([]*worked, len(d.rows))
	return d, nil
}

// canonical is a text that is the same for equal rows.
func canonical(row json.RawMessage) string { return string(jsontext.AppendCanonical(nil, row)) }

// draw picks the examples before the question that row is.
func (d *drawer) draw(row json.RawMessage) ([]int, error) {
	if d.n == 0 {
		return nil, nil
	}
	first := d.task.spec.ShotConfig.Sampler == "first_n"
	var own string
	if d.keys != nil {
		own = canonical(row)
	}
	others := func() (all []int) {
		for i := range d.rows {
			if d.keys == nil || d.keys[i] != own {
				all = append(all, i)
			}
		}
		return all
	}
	var drawn []int
	switch {
	case first:
		drawn = others()
	case d.keys == nil:
		return d.sample(d.n)
	default:
		some, err := d.sample(d.n + 1)
		if err != nil {
			return nil, err
		}
		for _, i := range some {
			if d.keys[i] != own {
				drawn = append(drawn, i)
			}
		}
		if len(drawn) < d.n { // the question was there more than once
			pool := others()
			at, err := d.random.Sample(len(pool), d.n)
			if err != nil {
				return nil, d.few(err)
			}
			drawn = drawn[:0]
			for _, i := range at {
				drawn = append(drawn, pool[i])
			}
		}
	}
	if len(drawn) < d.n {
		return nil, d.few(fmt.Errorf("%d of %d", d.n, len(drawn)))
	}
	return drawn[:d.n:d.n], nil
}

func (d *drawer) sample(n int) ([]int, error) {
	drawn, err := d.random.Sample(len(d.rows), n)
	if err != nil {
		return nil, d.few(err)
	}
	return drawn, nil
}

func (d *drawer) few(err error) error {
	return fmt.Errorf("there are too few worked examples to draw from: %w; ask with fewer (num_fewshot)", err)
}

// worked is an example with its answer, and as it stands before a question that is no chat.
type worked struct {
	Shot
	text string
}

// worked makes example i.
func (d *drawer) worked(i int) (*worked, error) {
	if d.made[i] != nil {
		return d.made[i], nil
	}
	e, err := newExample(d.rows[i])
	if err != nil {
		return nil, err
	}
	t, f := d.task, &d.task.shot
	question, err := f.text.text(e)
	if err != nil {
		return nil, err
	}
	prefix, err := f.prefix.text(e)
	if err != nil {
		return nil, err
	}
	answer, err := t.shotAnswer(e)
	if err != nil {
		return nil, err
	}
	w := &worked{Shot: Shot{question, prefix + answer}}
	if prefix != "" && answer != "" && !touching(prefix, answer) {
		w.Answer = prefix + " " + answer
	}
	w.text = question
	if prefix == "" && answer != "" || prefix != "" && question != "" && !touching(question, prefix) {
		w.text += t.spec.targetDelimiter()
	}
	w.text += w.Answer
	if answer != "" {
		w.text += t.spec.fewshotDelimiter()
	}
	d.made[i] = w
	return w, nil
}

// shotAnswer is the right answer to a worked example; the first, if there are several.
func (t *Task) shotAnswer(e *example) (string, error) {
	f := &t.shot
	target, err := f.target.value(e, f.choice.given())
	if err != nil {
		return "", err
	}
	if f.choice.given() {
		choices, err := f.choice.choices(e)
		if err != nil {
			return "", err
		}
		right, err := gold(target, choices)
		if err != nil {
			return "", err
		}
		return choices[right[0]], nil
	}
	if texts := targets(target); len(texts) > 0 {
		return texts[0], nil
	}
	return "", nil
}
