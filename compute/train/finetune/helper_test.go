package finetune

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
	"smelt/compute/train"
)

// began is when the runs of the tests begin.
var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// tiny is a shape that takes a moment to train.
func tiny(t testing.TB) llama.Config {
	t.Helper()
	c, err := llama.PresetConfig("nano")
	require.NoError(t, err)
	c.Hidden, c.FeedForward, c.Layers, c.Heads, c.KVHeads, c.HeadDim, c.Context = 64, 128, 2, 4, 2, 16, 256
	return *c
}

// newModel makes a model of random weights with that shape, and returns its folder.
func newModel(t testing.TB, c llama.Config) string {
	t.Helper()
	tok, err := tokenizer.Train(context.Background(), slices.Values(texts()), 320, "<|endoftext|>", "<|im_start|>", "<|im_end|>")
	require.NoError(t, err)
	text, _ := tok.ID("<|endoftext|>")
	turn, _ := tok.ID("<|im_end|>")
	c.BOS, c.EOS = text, []int32{turn, text}
	template, err := chat.BuiltinSource("chatml")
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "model")
	require.NoError(t, llama.New(context.Background(), dir, c, tok, llama.NewOptions{Seed: 3, Weights: tensorfile.F32, Template: template, Threads: 2}))
	return dir
}

func texts() []string {
	var list []string
	for i := range 60 {
		e := row(i)
		list = append(list, "user\n"+e.Turns[0].Content, "assistant\n"+e.Turns[1].Content)
	}
	return list
}

// row is an example, of two buckets in turn.
func row(i int) chat.Example {
	bucket, ask, answer := "cot_math", fmt.Sprintf("Add %d and %d.", i, i*7%13), fmt.Sprint(i+i*7%13)
	if i%2 == 1 {
		bucket, ask, answer = "code", fmt.Sprintf("Print %d twice.", i), fmt.Sprintf("print(%d, %d)", i, i)
	}
	return chat.Example{Bucket: bucket, Conversation: chat.Conversation{Turns: []chat.Turn{
		{Role: chat.User, Content: ask}, {Role: chat.Assistant, Content: answer}}}}
}

// some are the rows from one number to another, as often as there are epochs. Read is told
// of each one.
func some(from, to, epochs int, read func(i int)) *Rows {
	rows := &Rows{Key: fmt.Sprint(from, to, epochs), Examples: func(yield func(chat.Example, error) bool) {
		for range epochs {
			for i := from; i < to; i++ {
				if read != nil {
					read(i)
				}
				if !yield(row(i), nil) {
					return
				}
			}
		}
	}}
	for range epochs {
		rows.Epochs = append(rows.Epochs, int64(to-from))
	}
	return rows
}

var _ iter.Seq2[chat.Example, error] = (&Rows{}).Examples

// task is a whole run.
type task struct {
	dir, model       string
	o                Options
	rows, validation *Rows
	on               func(train.Event)
	writing          func(what string, done, total int64)
}

// newTask is a run of 12 steps.
func newTask(t testing.TB, model string) *task {
	return &task{dir: filepath.Join(t.TempDir(), "run"), model: model, rows: some(0, 48, 2, nil), validation: some(100, 108, 1, nil), o: Options{
		Threads: 2, Context: 64, GGUF: tensorfile.Q8_0, LoRA: llama.LoRA{Rank: 4, Dropout: 0.1},
		Train: train.Options{BlocksPerStep: 4, LearningRate: 5e-3, CheckpointEvery: 3, CheckpointMinutes: -1, Seed: 9},
	}}
}

// with is the task with other options, in a folder of its own.
func (k *task) with(t testing.TB, change func(*Options)) *task {
	other := *k
	other.dir = filepath.Join(t.TempDir(), "run")
	change(&other.o)
	return &other
}

// briefly is as long as speed is measured where it does not matter.
const briefly = 10 * time.Millisecond

// run does all there is to do.
func (k *task) run(ctx context.Context) (result *train.Result, outputs []Output, err error) {
	j, err := Open(k.dir, k.model, k.o, began)
	if err != nil {
		return nil, nil, err
	}
	j.calibration = briefly
	defer func() { _ = j.Close() }()
	if err := j.Tokenize(ctx, k.rows, k.validation); err != nil {
		return nil, nil, err
	}
	if _, err := j.Plan(ctx); err != nil {
		return nil, nil, err
	}
	on, writing := k.on, k.writing
	if on == nil {
		on = func(train.Event) {}
	}
	if writing == nil {
		writing = func(string, int64, int64) {}
	}
	if result, err = j.Train(ctx, on); err != nil {
		return nil, nil, err
	}
	if outputs, err = j.Write(ctx, writing); err != nil {
		return nil, nil, err
	}
	return result, outputs, j.Finish([]byte(`{}`), began)
}

// must is run without errors.
func (k *task) must(t testing.TB) (*train.Result, []Output) {
	t.Helper()
	result, outputs, err := k.run(t.Context())
	require.NoError(t, err)
	return result, outputs
}

// planned is the job after its plan.
func (k *task) planned(t testing.TB) (*Job, *Plan) {
	t.Helper()
	j, err := Open(k.dir, k.model, k.o, began)
	require.NoError(t, err)
	j.calibration = briefly
	t.Cleanup(func() { _ = j.Close() })
	require.NoError(t, j.Tokenize(t.Context(), k.rows, k.validation))
	p, err := j.Plan(t.Context())
	require.NoError(t, err)
	return j, p
}

// written returns the bytes of all results in a run's folder.
func written(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{AdapterName, MergedName, GGUFName} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			name, _ := filepath.Rel(dir, path)
			files[filepath.ToSlash(name)] = string(text)
			return err
		})
		require.True(t, err == nil || os.IsNotExist(err), err)
	}
	return files
}

// same requires the results of two runs to have the same bytes.
func same(t testing.TB, want map[string]string, dir string, about ...any) {
	t.Helper()
	got := written(t, dir)
	require.NotEmpty(t, want)
	require.Len(t, got, len(want), about...)
	for name, text := range want {
		require.True(t, got[name] == text, "%s differs: %v", name, about)
	}
}
