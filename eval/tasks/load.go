package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Seed is what worked examples are drawn from, the harness's fewshot_random_seed.
const Seed = 1234

// Options say how a task's data is to be read; the zero value takes all of it as the
// task says.
type Options struct {
	Shots *int // worked examples before the question; nil: as many as the task says
	Limit int  // examples, from the first; 0: all
	// Spread takes the Limit examples from all over the data: at equal distances, and in the
	// order of the field By where it names one, so that each of its values has its share.
	// Prompts are the same as where all are taken.
	Spread bool
	By     string
	// Rewrite changes the fields of an example (as process_docs left them) before its prompt
	// is made of them. Worked examples stay as they are. It may be nil.
	Rewrite func(id int, row json.RawMessage) (json.RawMessage, error)
}

// Set is a task's examples.
type Set struct {
	Docs  []Doc
	Of    int    // examples that the data has
	Shots int    // worked examples before each question
	Files []File // that were read, by name
}

// Load reads the task's files from fsys, where they may be compressed (.gz .bz2 .zst),
// and makes the prompts. A file that is not there is a *MissingError. The examples hold
// their prompts in memory.
func (t *Task) Load(fsys fs.FS, o Options) (*Set, error) {
	set := &Set{Shots: t.Shots}
	if o.Shots != nil {
		set.Shots = *o.Shots
	}
	r := reader{fsys: fsys, task: t, rows: map[string][]json.RawMessage{}, files: map[string]File{}}
	rows, err := r.split(t.spec.evalSplit())
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("task %s: %s: %w", t.Name, t.asked(), ErrEmpty)
	}
	drawer, err := t.newDrawer(&r, set.Shots)
	if err != nil {
		return nil, err
	}
	set.Of = len(rows)
	chosen, err := o.choose(rows)
	if err != nil {
		return nil, fmt.Errorf("task %s: %s: %w", t.Name, t.asked(), err)
	}
	for i, row := range rows {
		if len(set.Docs) == len(chosen) {
			break
		}
		shots, err := drawer.draw(row) // for those left out, too: the generator goes on
		if err == nil && chosen[len(set.Docs)] == i {
			if o.Rewrite != nil {
				row, err = o.Rewrite(i, row)
			}
			var doc Doc
			if err == nil {
				doc, err = t.doc(i, row, shots, drawer)
			}
			set.Docs = append(set.Docs, doc)
		}
		if err != nil {
			return nil, fmt.Errorf("task %s: %s, example %d: %w", t.Name, t.asked(), i, err)
		}
	}
	set.Files = r.read()
	return set, nil
}

// asked are the files of the examples, as the task names them.
func (t *Task) asked() string {
	return strings.Join(t.spec.DatasetKwargs.Files[t.spec.evalSplit()], ", ")
}

// doc makes an example of a row. It follows the harness's ConfigurableTask.
func (t *Task) doc(id int, row json.RawMessage, shots []int, drawer *drawer) (Doc, error) {
	doc := Doc{ID: id, Row: row, Shots: shots}
	e, err := newExample(row)
	if err != nil {
		return doc, err
	}
	doc.values = e.values
	var context strings.Builder
	if doc.About, err = t.about.text(e); err != nil {
		return doc, err
	}
	context.WriteString(doc.About)

	for _, i := range doc.Shots {
		shot, err := drawer.worked(i)
		if err != nil {
			return doc, fmt.Errorf("worked example %d: %w", i, err)
		}
		doc.Worked = append(doc.Worked, shot.Shot)
		context.WriteString(shot.text)
	}

	question, err := t.forms.text.text(e)
	if err != nil {
		return doc, err
	}
	prefix, err := t.forms.prefix.text(e)
	if err != nil {
		return doc, err
	}
	context.WriteString(question)
	doc.Question, doc.Prefix = question, prefix
	if prefix != "" {
		if question != "" && !touching(question, prefix) {
			context.WriteString(t.spec.targetDelimiter())
		}
		context.WriteString(prefix)
	}
	doc.Context = context.String()
	if err = t.answers(&doc, e); err == nil && t.Code {
		_, err = t.Program(&doc, "")
	}
	return doc, err
}

// answers sets the doc's choices and what is right.
func (t *Task) answers(doc *Doc, e *example) (err error) {
	var choices []string
	if t.forms.choice.given() {
		if choices, err = t.forms.choice.choices(e); err != nil {
			return err
		}
	}
	if !t.forms.target.given() {
		return nil
	}
	target, err := t.forms.target.value(e, choices != nil)
	if err != nil {
		return err
	}
	if choices == nil {
		if doc.Targets = targets(target); len(doc.Targets) == 0 {
			return errors.New("doc_to_target: it is empty, and there is nothing to compare with")
		}
		return nil
	}
	right, err := gold(target, choices)
	if err != nil {
		return err
	}
	if t.kind == Generate {
		for _, i := range right {
			doc.Targets = append(doc.Targets, choices[i])
		}
		return nil
	}
	doc.Choices, doc.Gold = choices, right
	if t.spec.Results == "truthfulqa_mc2" {
		return doc.labelled(e.values["mc2_targets"])
	}
	return nil
}

// labelled takes as right the choices labelled 1.
func (doc *Doc) labelled(targets json.RawMessage) error {
	var in struct{ Labels []int }
	if err := json.Unmarshal(targets, &in); err != nil {
		return fmt.Errorf("mc2_targets: %w", err)
	}
	if len(in.Labels) != len(doc.Choices) {
		return fmt.Errorf("mc2_targets: %d labels for %d choices", len(in.Labels), len(doc.Choices))
	}
	doc.Gold = nil
	for i, label := range in.Labels {
		if label == 1 {
			doc.Gold = append(doc.Gold, i)
		}
	}
	return nil
}

// touching says whether there is white space where a and b, not empty, would meet.
func touching(a, b string) bool { return endsInSpace(a) || startsWithSpace(b) }

func endsInSpace(s string) bool     { return strip("x"+s) != "x"+s }
func startsWithSpace(s string) bool { return strip(s+"x") != s+"x" }
