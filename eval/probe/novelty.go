package probe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"smelt/eval/measure"
	"smelt/eval/results"
	"smelt/eval/tasks"
)

const (
	noveltyFile   = "noveltybench_curated.jsonl"
	noveltySource = "data/curated.jsonl of github.com/novelty-bench/novelty-bench, named " + noveltyFile
)

// newNovelty counts how many of ten replies to one prompt differ (NoveltyBench's distinct_k, with its partition by
// unigrams), and how many words any two of them have in common: long replies at temperature 1 nearly always count as
// different, and that figure goes on where the count is at its end. Replies end at 256 tokens, where NoveltyBench lets
// them have 512.
func newNovelty(o *Options) (*exam, error) {
	const name = "creative_novelty"
	raw, file, err := tasks.ReadFile(o.Data, noveltyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return notRun(name, results.Behaviour, "there is no "+noveltyFile+" in the data; get it here: "+noveltySource), nil
	}
	if err != nil {
		return nil, err
	}
	p := &paper{Revision: 2, MaxTokens: 256, Replies: 10, Temperature: 1, hash: hashOf(raw)}
	rows, err := tasks.Rows(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	for i, raw := range rows {
		var row struct {
			Prompt string `json:"prompt"`
		}
		if err := json.Unmarshal(raw, &row); err != nil {
			return nil, fmt.Errorf("%s, row %d: %w", file.Name, i+1, err)
		}
		if row.Prompt == "" {
			return nil, fmt.Errorf("%s, row %d: it has no prompt", file.Name, i+1)
		}
		p.Prompts = append(p.Prompts, row.Prompt)
	}
	if len(p.Prompts) == 0 {
		return nil, fmt.Errorf("%s: it is empty", file.Name)
	}
	e := p.exam(name, o)
	e.task.Data = []tasks.File{file}
	e.metrics = []metric{{name: "distinct_replies"}, {name: "overlap", lower: true}}
	e.mark = func(_ int, answers []tasks.Answer) (map[string]float64, map[string]string, error) {
		texts := make([]string, len(answers))
		for i := range answers {
			texts[i] = answers[i].Text
		}
		return map[string]float64{"distinct_replies": float64(measure.Classes(texts)), "overlap": measure.Overlap(texts)}, nil, nil
	}
	e.notes = func([]results.Example) []string {
		return []string{"replies are told apart by their words; NoveltyBench's published figures come from a trained classifier and are not comparable"}
	}
	return e, nil
}
