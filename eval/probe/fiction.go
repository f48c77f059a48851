package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"unicode/utf8"

	"smelt/eval/results"
	"smelt/eval/stats"
	"smelt/eval/tasks"
)

const (
	fictionFile = "fiction.txt"
	// windowBytes is how long a window is: a few hundred tokens, so that it fits any model's context.
	windowBytes = 2048
)

// newFiction asks how well the model foretells fiction that it was not trained on, in bits per byte (The Pile, Gao
// et al. 2020, arXiv:2101.00027, section 3.1). The text is cut into windows that do not overlap, each foretold from
// its own beginning, as lm-evaluation-harness' loglikelihood_rolling does; windows are of bytes instead of tokens,
// so that models with different tokenizers are asked the same.
func newFiction(o *Options) (*exam, error) {
	const name = "creative_fiction"
	raw, file, err := tasks.ReadFile(o.Data, fictionFile)
	if errors.Is(err, fs.ErrNotExist) {
		return notRun(name, results.Behaviour, "there is no "+fictionFile+" in the data; put fiction there that the model was not trained on, as plain text"), nil
	}
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		return nil, errors.New(file.Name + ": it is not UTF-8")
	}
	windows := cut(strings.TrimSpace(strings.TrimPrefix(string(raw), "\ufeff")), windowBytes)
	if len(windows) == 0 {
		return nil, errors.New(file.Name + ": it is empty")
	}
	e := &exam{task: results.Task{
		Name: name, Version: fmt.Sprintf("1-%d", windowBytes), Kind: results.Behaviour, Of: len(windows), Data: []tasks.File{file},
	}}
	for _, i := range spread(o.Limit, len(windows)) {
		e.asked = append(e.asked, asked{id: i, question: windows[i], requests: []tasks.Request{{Kind: tasks.LogLikelihood, Continuation: windows[i]}}})
	}
	e.metrics = []metric{{name: "bits_per_byte", lower: true, total: bitsPerByte}}
	e.mark = func(i int, answers []tasks.Answer) (map[string]float64, map[string]string, error) {
		p := answers[0].LogProb
		if math.IsNaN(p) || p > 0 {
			return nil, nil, fmt.Errorf("%v is no log-probability", p)
		}
		if answers[0].Cut { // the bits of some bytes are not in it
			p = math.NaN()
		}
		return map[string]float64{"bits_per_byte": -p / math.Ln2 / float64(len(e.asked[i].question))}, nil, nil
	}
	return e, nil
}

// cut cuts a text into windows of at most size bytes, each as long as it can be, that end before white space if
// there is some; so a window begins with the white space before its first word, as tokens do.
func cut(text string, size int) []string {
	var windows []string
	for len(text) > size {
		end := strings.LastIndexAny(text[:size+1], " \n\t\r")
		if end <= 0 {
			end = size
			for end > 1 && !utf8.RuneStart(text[end]) {
				end--
			}
		}
		windows = append(windows, text[:end])
		text = text[end:]
	}
	if text != "" {
		windows = append(windows, text)
	}
	return windows
}

// bitsPerByte is the bits of all windows over their bytes, less the windows that did not fit the model's context.
// Its standard error is that of a ratio of two sums over n windows (Cochran 1977, "Sampling Techniques", section
// 2.11): with bits b, bytes y and R = sum b / sum y,
//
//	sqrt( n/(n-1) * sum (b[i] - R y[i])^2 ) / sum y
func bitsPerByte(examples []results.Example) stats.Estimate {
	var bits, bytes []float64
	for _, x := range examples {
		if v := float64(x.Scores["bits_per_byte"]); !math.IsNaN(v) {
			y := float64(len(x.Question))
			bits, bytes = append(bits, v*y), append(bytes, y)
		}
	}
	n, sum := float64(len(bits)), total(bytes)
	ratio, squares := total(bits)/sum, 0.0
	for i := range bits {
		d := bits[i] - ratio*bytes[i]
		squares += d * d
	}
	e := stats.Estimate{N: len(bits), Mean: ratio, StdErr: math.NaN()}
	if n > 1 {
		e.StdErr = math.Sqrt(n/(n-1)*squares) / sum
	}
	return e
}

func total(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}
