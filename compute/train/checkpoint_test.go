package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How often there are checkpoints, by steps or by time, changes nothing.
func TestCheckpointsChangeNothing(t *testing.T) {
	t.Parallel()
	want := whole(t, quick())
	for _, o := range []Options{{CheckpointMinutes: -1}, {CheckpointMinutes: 1e-9}, {CheckpointEvery: 1}} {
		q := quick()
		q.CheckpointEvery, q.CheckpointMinutes = o.CheckpointEvery, o.CheckpointMinutes
		assert.Equal(t, want, whole(t, q))
	}
}

// The last few checkpoints stay, and that of the best validation.
func TestCheckpointsKept(t *testing.T) {
	t.Parallel()
	name := func(steps ...int) []string {
		var list []string
		for _, s := range steps {
			list = append(list, fmt.Sprintf("step-%08d", s))
		}
		return list
	}
	for _, c := range []struct {
		keep  int
		best  bool
		least float64 // by which a validation has to be better
		want  []string
	}{
		{0, false, 0, name(6, 9, 10)},
		{1, false, 0, name(10)},
		{100, false, 0, name(3, 6, 9, 10)},
		{1, true, 0, name(10)},         // the last validation is the best
		{2, true, 0, name(5, 9, 10)},   // that was so of 9's when it was written
		{2, true, 100, name(0, 9, 10)}, // the first one is
		{100, true, 100, name(0, 3, 6, 9, 10)},
	} {
		dir := folder(t)
		o := quick()
		o.KeepCheckpoints, o.RestoreBest, o.MinDelta = c.keep, c.best, c.least
		m := newBigram(testWords)
		before := m.digest()
		var seen events
		result, err := begin(t, m, o, dir).Train(context.Background(), seen.add)
		require.NoError(t, err)
		assert.Equal(t, c.want, folders(t, dir))
		assert.Equal(t, c.least > 0, result.Restored)
		assert.Equal(t, result.Restored, m.digest() == before)
		if result.Restored {
			assert.Equal(t, result.Before, result.After)
		}
		for _, e := range of[*Saved](seen) {
			assert.Equal(t, name(e.Step)[0], filepath.Base(e.Path))
			assert.Positive(t, e.Bytes)
		}
	}
}

// A damaged checkpoint is told of, the one before taken, and the end is the same.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		o := quick()
		o.Optimizer = kind
		want := whole(t, o)
		made := folder(t)
		stopAfter(t, o, made, 7) // with checkpoints of 3, 6 and 7
		for name, damage := range map[string]func(t *testing.T, path string){
			"no state":   func(t *testing.T, path string) { require.NoError(t, os.Remove(filepath.Join(path, stateName))) },
			"no tensors": func(t *testing.T, path string) { require.NoError(t, os.Remove(filepath.Join(path, tensorsName))) },
			"empty": func(t *testing.T, path string) {
				require.NoError(t, os.RemoveAll(path))
				require.NoError(t, os.Mkdir(path, 0o700))
			},
			"cut state": func(t *testing.T, path string) {
				alter(t, filepath.Join(path, stateName), func(b []byte) []byte { return b[:len(b)/2] })
			},
			"cut tensors": func(t *testing.T, path string) {
				alter(t, filepath.Join(path, tensorsName), func(b []byte) []byte { return b[:len(b)-1] })
			},
			"longer tensors": func(t *testing.T, path string) {
				alter(t, filepath.Join(path, tensorsName), func(b []byte) []byte { return append(b, 0) })
			},
			"a bit": func(t *testing.T, path string) {
				alter(t, filepath.Join(path, tensorsName), func(b []byte) []byte { b[len(b)-3] ^= 1; return b })
			},
			"a digit": func(t *testing.T, path string) {
				alter(t, filepath.Join(path, stateName), func(b []byte) []byte { return bytes.Replace(b, []byte(`"tokens": `), []byte(`"tokens": 1`), 1) })
			},
			"another's state": func(t *testing.T, path string) {
				text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "step-00000003", stateName))
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(path, stateName), text, 0o600))
			},
		} {
			t.Run(fmt.Sprint(kind, " ", name), func(t *testing.T) {
				dir := folder(t)
				require.NoError(t, os.CopyFS(dir, os.DirFS(made)))
				path := filepath.Join(dir, CheckpointsName, "step-00000007")
				damage(t, path)
				m := newBigram(testWords)
				r := begin(t, m, o, dir)
				step, err := r.Resume()
				require.NoError(t, err)
				assert.Equal(t, 6, step)
				var seen events
				_, err = r.Train(context.Background(), seen.add)
				require.NoError(t, err)
				warnings := of[*Warning](seen)
				require.Len(t, warnings, 1)
				assert.Contains(t, warnings[0].Text, "a checkpoint is damaged, and the run goes on from the one of step 6: ")
				assert.Contains(t, warnings[0].Text, path)
				assert.Equal(t, want, m.digest())
				assert.Equal(t, []string{"step-00000006", "step-00000009", "step-00000010"}, folders(t, dir))
				stepsOnce(t, dir, 10, []int{0, 5, 10})
			})
		}
	}
}

func alter(t *testing.T, path string, change func([]byte) []byte) {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, change(data), 0o600))
}

// A damaged checkpoint's place is taken when the run comes there again. With none that is whole the
// run ends, and says what is wrong with each.
func TestDamagedCheckpoints(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stopAfter(t, quick(), dir, 9)
	require.Equal(t, []string{"step-00000003", "step-00000006", "step-00000009"}, folders(t, dir))
	cut := func(step int) {
		alter(t, filepath.Join(dir, CheckpointsName, fmt.Sprintf("step-%08d", step), tensorsName), func(b []byte) []byte { return b[:7] })
	}
	cut(9)
	cut(6)
	m := newBigram(testWords)
	r := begin(t, m, quick(), dir)
	step, err := r.Resume()
	require.NoError(t, err)
	assert.Equal(t, 3, step)
	_, err = r.Train(context.Background(), nil)
	require.NoError(t, err)
	assert.Equal(t, whole(t, quick()), m.digest())
	assert.Equal(t, []string{"step-00000006", "step-00000009", "step-00000010"}, folders(t, dir))
	for _, step := range []int{6, 9, 10} {
		cut(step)
	}
	_, err = begin(t, m, quick(), dir).Resume()
	require.ErrorContains(t, err, "no checkpoint is whole; begin the run again in another folder")
	assert.Equal(t, 3, strings.Count(err.Error(), "it has 7 bytes and had "))
	assert.NotErrorIs(t, err, ErrNone)
}

// A checkpoint of a later version is not taken for damaged.
func TestNewerCheckpoint(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stopAfter(t, quick(), dir, 4)
	r := begin(t, newBigram(testWords), quick(), dir)
	k, err := r.store.read(4)
	require.NoError(t, err)
	k.Format++
	text, err := seal(k)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(r.store.path(4), stateName), text, 0o600))
	_, err = r.Resume()
	assert.ErrorContains(t, err, "format 2: a newer version of smelt made it")
}

// Whatever part of a checkpoint cannot be written, an older one is whole at that moment, the run
// goes on with a warning, and a next one is written.
func TestCheckpointThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	want := whole(t, quick())
	full := errors.New("no space left on device")
	for nth := 1; ; nth++ {
		dir := folder(t)
		m := newBigram(testWords)
		r := begin(t, m, quick(), dir)
		parts, failed := 0, ""
		r.store.fault = func(part string) error {
			if r.state.Step != 6 {
				return nil
			}
			if parts++; parts == nth {
				failed = part
				return full
			}
			return nil
		}
		var seen events
		_, err := r.Train(context.Background(), func(e Event) {
			seen.add(e)
			if w, ok := e.(*Warning); ok { // now, not in the end
				copied := folder(t)
				require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
				step, err := begin(t, newBigram(testWords), quick(), copied).Resume()
				require.NoError(t, err)
				assert.Equal(t, 3, step)
				assert.Equal(t, "no checkpoint of step 6; that of step 3 stays: ", w.Text[:47])
				assert.Contains(t, w.Text, full.Error())
			}
		})
		require.NoError(t, err)
		assert.Equal(t, want, m.digest())
		if failed == "" {
			assert.Greater(t, nth, 10) // of 6 tensors and 4 other parts
			return
		}
		require.Len(t, of[*Warning](seen), 1, failed)
		assert.Equal(t, []string{"step-00000003", "step-00000009", "step-00000010"}, folders(t, dir), failed)
	}
}

// A checkpoint may take the place of one of the same step, which had no validation yet. Whatever part
// of it cannot be written, the one there was stays whole.
func TestCheckpointThatCannotBeReplaced(t *testing.T) {
	t.Parallel()
	o := quick()
	o.RestoreBest = true
	want, made := whole(t, o), folder(t)
	ctx, cancel := context.WithCancel(context.Background())
	m := &stopping{newBigram(testWords), 3, cancel} // in the validation after step 5
	r := newTestRun(t, m, 1, chain(3, testWords, 20), chain(4, testWords, 2), o, made)
	_, err := r.Train(ctx, nil)
	require.ErrorIs(t, err, ErrStopped)
	full := errors.New("no space left on device")
	for nth := 1; ; nth++ {
		dir := folder(t)
		require.NoError(t, os.CopyFS(dir, os.DirFS(made)))
		m := newBigram(testWords)
		r := begin(t, m, o, dir)
		step, err := r.Resume()
		require.NoError(t, err)
		require.Equal(t, 5, step)
		parts, failed := 0, ""
		r.store.fault = func(part string) error {
			if parts++; parts == nth && r.state.Step == 5 {
				failed = part
				return full
			}
			return nil
		}
		warned := 0
		_, err = r.Train(context.Background(), func(e Event) {
			if _, ok := e.(*Warning); ok {
				warned++
				assert.Contains(t, folders(t, dir), "step-00000005")
				k, err := r.store.read(5)
				require.NoError(t, err)
				require.NoError(t, r.store.verify(5, k))
				assert.Equal(t, failed == "remove", k.State.Validated == 5, failed)
			}
		})
		require.NoError(t, err)
		assert.Equal(t, want, m.digest())
		if failed == "" {
			assert.Greater(t, nth, 10)
			return
		}
		assert.Equal(t, 1, warned, failed)
	}
}

// The last checkpoint is not optional, but the model is trained all the same.
func TestLastCheckpointThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	m := newBigram(testWords)
	dir := folder(t)
	r := begin(t, m, quick(), dir)
	full := errors.New("no space left on device")
	r.store.fault = func(string) error {
		if r.state.Step == 10 {
			return full
		}
		return nil
	}
	result, err := r.Train(context.Background(), nil)
	require.ErrorIs(t, err, full)
	assert.Equal(t, 10, result.Steps)
	assert.Equal(t, whole(t, quick()), m.digest())
	r = begin(t, newBigram(testWords), quick(), dir)
	step, err := r.Resume()
	require.NoError(t, err)
	assert.Equal(t, 9, step)
}

// What a process left when it was killed at a bad moment is put in order.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	stopAfter(t, quick(), dir, 4)
	store := filepath.Join(dir, CheckpointsName)
	require.NoError(t, os.Mkdir(filepath.Join(store, ".step-00000009.tmp"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(store, ".step-00000003.old"), 0o700)) // its successor is there
	require.NoError(t, os.Rename(filepath.Join(store, "step-00000004"), filepath.Join(store, ".step-00000004.old")))
	require.NoError(t, os.WriteFile(filepath.Join(store, "notes.txt"), nil, 0o600))
	step, err := begin(t, newBigram(testWords), quick(), dir).Resume()
	require.NoError(t, err)
	assert.Equal(t, 4, step)
	assert.Equal(t, []string{"notes.txt", "step-00000003", "step-00000004"}, folders(t, dir))
}

// Neither writing a checkpoint nor reading one takes memory for the parameters again.
func TestCheckpointTakesLittleMemory(t *testing.T) {
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		const v = 1000
		m := newBigram(v)
		o := quick()
		o.Optimizer = kind
		dir := folder(t)
		r := newTestRun(t, m, 1, chain(3, v, 20), nil, o, dir)
		allocated := func(do func()) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			do()
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		writing := allocated(func() {
			bytes, stale, err := r.store.write(r.state, r.settings, r.optimizer, func(checkpoint) int { return -1 })
			require.NoError(t, errors.Join(stale, err))
			assert.Greater(t, bytes, 4*int64(v*v)+OptimizerBytes(kind, v*v, v))
		})
		reading := allocated(func() { require.NoError(t, r.restore(0)) })
		assert.Less(t, writing, uint64(3<<20))
		assert.Less(t, reading, uint64(3<<20))
	}
}
