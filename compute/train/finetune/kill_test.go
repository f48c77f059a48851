package finetune

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/train"
)

// childTrains is the variable that makes the test binary a process that trains.
const childTrains = "SMELT_TEST_FINETUNE"

// childRun is what that process is told. It kills itself at the Nth of what Where says: a row
// that is read, a look at whether it is interrupted, which is there in all phases, an event of
// training, or a part of a model that is written.
type childRun struct {
	Dir, Model string
	Method     train.Method
	Threads    int
	Where      string
	Nth        int64
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childTrains); text != "" {
		var c childRun
		err := json.Unmarshal([]byte(text), &c)
		if err == nil {
			err = c.train()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// die ends the process as kill -9 does.
func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err == nil {
		select {} // until the signal is there
	}
	panic(err)
}

// watched is a context that tells when it is asked.
type watched struct {
	context.Context
	asked func()
}

func (w watched) Err() error {
	w.asked()
	return w.Context.Err()
}

func (c childRun) train() error {
	var left atomic.Int64
	left.Store(c.Nth)
	count := func(where string) {
		if c.Where == where && left.Add(-1) < 0 {
			die()
		}
	}
	k := &task{
		dir: c.Dir, model: c.Model, o: killed(c.Method, c.Threads),
		rows:       some(0, 200, 1, func(int) { count("row") }),
		validation: some(300, 308, 1, func(int) { count("row") }),
		on:         func(train.Event) { count("event") },
		writing:    func(string, int64, int64) { count("write") },
	}
	ctx := watched{context.Background(), func() { count("look") }}
	_, _, err := k.run(ctx)
	return err
}

// killed are the options of the runs that are killed.
func killed(method train.Method, threads int) Options {
	o := Options{Threads: threads, Context: 64, Block: 256, GGUF: "F16", Train: train.Options{
		Method: method, BlocksPerStep: 2, LearningRate: 1e-3, Seed: 4, CheckpointEvery: 2, CheckpointMinutes: -1, KeepCheckpoints: 2}}
	o.LoRA.Rank, o.LoRA.Dropout = 4, 0.1
	return o
}

// process runs the child and tells whether it was killed.
func (c childRun) process(t *testing.T) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	text, err := json.Marshal(c)
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), childTrains+"="+string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err = cmd.Run()
	require.Empty(t, stderr.String())
	return err != nil
}

// However often a run is killed, and in whatever phase, what it comes to is bit-identical to
// a run that was not, on any number of threads.
func TestKilledRunGoesOn(t *testing.T) {
	model := newModel(t, tiny(t))
	random := rand.New(rand.NewPCG(7, 1))
	for _, method := range []train.Method{train.LoRA, train.Full} {
		whole := &task{dir: t.TempDir(), model: model, o: killed(method, 2), rows: some(0, 200, 1, nil), validation: some(300, 308, 1, nil)}
		whole.must(t)
		want := written(t, whole.dir)
		c := childRun{Dir: t.TempDir(), Model: model, Method: method}
		kills := 0
		for i, where := range []struct {
			what string
			most int64
		}{{"row", 200}, {"look", 40}, {"event", 6}, {"look", 150}, {"event", 4}, {"write", 6}, {"", 0}} {
			c.Threads, c.Where, c.Nth = 1+i%3, where.what, random.Int64N(where.most+1)
			if c.process(t) {
				kills++
			}
			_, err := ReadState(c.Dir)
			assert.True(t, err == nil || os.IsNotExist(err), err)
		}
		assert.GreaterOrEqual(t, kills, 4)
		same(t, want, c.Dir, method)
		state, err := ReadState(c.Dir)
		require.NoError(t, err)
		assert.Equal(t, began, state.Finished)
		// and nothing else is left there
		entries, err := os.ReadDir(c.Dir)
		require.NoError(t, err)
		for _, e := range entries {
			assert.False(t, strings.HasPrefix(e.Name(), "."), e.Name())
		}
	}
}
