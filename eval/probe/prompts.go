package probe

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"

	"github.com/goccy/go-yaml"

	"smelt/eval/measure"
	"smelt/eval/results"
	"smelt/eval/tasks"
)

//go:embed prompts/*.yaml
var files embed.FS

// paper is a list of prompts and how they are asked, as its YAML has it.
type paper struct {
	Revision    int      `yaml:"revision"` // of the way of asking and measuring
	MaxTokens   int      `yaml:"max_tokens"`
	Replies     int      `yaml:"replies"`     // to each prompt; 0 is one
	Temperature float64  `yaml:"temperature"` // that they are sampled at; 0: the most probable one
	Prompts     []string `yaml:"prompts"`

	hash string
}

// open reads a built-in list of prompts.
func open(name string) (*paper, error) {
	raw, err := files.ReadFile("prompts/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	var p paper
	if err := yaml.UnmarshalWithOptions(raw, &p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("prompts of %s: %w", name, err)
	}
	p.hash = hashOf(raw)
	return &p, nil
}

// hashOf is the first 12 hex digits of the SHA-256, with lines that end in a line feed alone.
func hashOf(raw []byte) string {
	sum := sha256.Sum256(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
	return hex.EncodeToString(sum[:6])
}

// exam asks the prompts.
func (p *paper) exam(name string, o *Options) *exam {
	e := &exam{task: results.Task{
		Name: name, Version: fmt.Sprintf("%d-%s", p.Revision, p.hash), Kind: results.Behaviour, Of: len(p.Prompts),
	}}
	if o.Bare {
		e.task.Notes = []string{"its prompts are asked as they are: the model has no chat template"}
	}
	for _, i := range spread(o.Limit, len(p.Prompts)) {
		e.asked = append(e.asked, asked{id: i, question: p.Prompts[i], requests: p.requests(p.Prompts[i], o)})
	}
	return e
}

func (p *paper) requests(prompt string, o *Options) []tasks.Request {
	requests := make([]tasks.Request, or(p.Replies, 1))
	for j := range requests {
		requests[j] = tasks.Request{Kind: tasks.Generate, Chat: !o.Bare, Context: prompt, MaxTokens: p.MaxTokens}
		if p.Temperature > 0 {
			requests[j].Sampling = tasks.Sampling{Sample: true, Temperature: p.Temperature, Seed: seedOf(o.Seed, j, prompt)}
		}
	}
	return requests
}

// textsOf are the replies that say something.
func textsOf(answers []tasks.Answer) []string {
	var texts []string
	for _, a := range answers {
		if !blank(a.Text) {
			texts = append(texts, a.Text)
		}
	}
	return texts
}

func blank(text string) bool { return measure.EndingOf(text) == measure.Empty }

// words is the note of how long replies are, which figures of variety and repetition depend on.
func words(examples []results.Example) []string {
	var replies, count int
	for _, x := range examples {
		for _, a := range x.Answers {
			replies++
			count += measure.CountConnectives(*a.Text).Words
		}
	}
	return []string{fmt.Sprintf("replies are %.0f words long on average: variety and repetition change with length, so compare replies of equal length",
		float64(count)/float64(replies))}
}
