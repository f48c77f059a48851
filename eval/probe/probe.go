// Package probe asks what no task of lm-evaluation-harness asks, and measures the replies without a judge (package
// measure).
//
//	style       style               24 open requests, 5 replies each: how varied
//	creative    creative_story      12 stories, 3 of each: how much they repeat themselves
//	            creative_novelty    NoveltyBench's prompts, 10 replies each: how many differ, and how much
//	            creative_fiction    fiction.txt, foretold: bits per byte
//	analytical  analytical          20 questions with two sides: the outward signs of an argument
//	edge        edge_robustness     a task asked with typos, in lower case, and with more spaces
//	            edge_replies        16 odd inputs: replies that are empty, cut or looping
//	plain       plain               24 prompts where no chain of thought is due
//	samples     samples             gsm8k_cot, 5 replies each: self-consistency
//
// Each is an eval.Exam whose every example has figures of its own, so that two models can be compared example by
// example. A figure of the whole is the mean over the examples that have one, with the standard error of a mean,
// but for bits per byte, which is a ratio.
//
// Prompts are in prompts/, written for this project; the version of a probe is a number for the way it asks and
// measures, and the beginning of the hash of the prompts. They are put to the model as what a user says in its chat
// template. Replies end where the model ends them or at a limit of tokens that is part of the version. What is
// sampled has a seed of its own for every prompt and repeat, so that the same model says the same.
//
// Data that is not there makes a probe that asks nothing and whose result says why (results.Task.NotRun).
package probe

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"smelt/eval"
	"smelt/eval/tasks"
)

// Kind is a probe's name; one kind may be several exams.
type Kind string

// The probes.
const (
	Style      Kind = "style"
	Creative   Kind = "creative"
	Analytical Kind = "analytical"
	Edge       Kind = "edge"
	Plain      Kind = "plain"
	Samples    Kind = "samples"
)

// Kinds are all probes, in a fixed order.
func Kinds() []Kind { return []Kind{Style, Creative, Analytical, Edge, Plain, Samples} }

// Options say how a probe asks. The zero value is the default.
type Options struct {
	// Data are the user's files: gsm8k_test.jsonl of samples, ARC's of edge, noveltybench_curated.jsonl and
	// fiction.txt of creative. nil is none.
	Data fs.FS
	// Limit is how many prompts or examples an exam asks at most. 0 is all of them, but 200 of samples and
	// edge_robustness. A part is spread over the whole.
	Limit int
	Seed  uint64 // of what is sampled
	// Bare asks without the chat template, for a model that has none.
	Bare bool
	// Chat puts the prompts of tasks (samples, edge_robustness) into the chat template, too.
	Chat bool
}

// New makes the exams of a probe. An error is one of the data or the options; data that is not there is none.
func New(kind Kind, o Options) ([]eval.Exam, error) {
	if o.Limit < 0 {
		return nil, fmt.Errorf("probe %s: a limit of %d examples", kind, o.Limit)
	}
	if o.Data == nil {
		o.Data = embed.FS{} // an empty one
	}
	var makers []func(*Options) (*exam, error)
	switch kind {
	case Style:
		makers = append(makers, newStyle)
	case Creative:
		makers = append(makers, newStory, newNovelty, newFiction)
	case Analytical:
		makers = append(makers, newAnalytical)
	case Edge:
		makers = append(makers, newRobustness, newReplies)
	case Plain:
		makers = append(makers, newPlain)
	case Samples:
		makers = append(makers, newSamples)
	default:
		return nil, fmt.Errorf("there is no probe %q; there are %v", kind, Kinds())
	}
	var exams []eval.Exam
	for _, make := range makers {
		e, err := make(&o)
		if err != nil {
			return nil, fmt.Errorf("probe %s: %w", kind, err)
		}
		exams = append(exams, e)
	}
	return exams, nil
}

// absent says whether an error is that a task has no examples here.
func absent(err error) bool {
	missing := (*tasks.MissingError)(nil)
	return errors.As(err, &missing) || errors.Is(err, tasks.ErrEmpty)
}

// or is n, or the default where n is 0.
func or(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

// seedOf is what the repeat-th reply to a prompt is drawn from: the first 8 bytes of
// SHA-256("smelt-probe-v1:SEED:REPEAT:PROMPT").
func seedOf(seed uint64, repeat int, prompt string) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "smelt-probe-v1:%d:%d:%s", seed, repeat, prompt))
	return binary.BigEndian.Uint64(sum[:8])
}

// spread are the places of n out of all, at equal distances; all of them if n is 0 or too many.
func spread(n, all int) []int {
	if n == 0 || n > all {
		n = all
	}
	at := make([]int, n)
	for i := range at {
		at[i] = (2*i + 1) * all / (2 * n)
	}
	return at
}
