package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
)

// childTrains is the variable that makes the test binary a process that trains.
const childTrains = "SMELT_TEST_TRAIN"

// childRun is what that process is told. It kills itself at the Nth of what Where says: a block's
// gradients, a part of a checkpoint, or an event. Where "stop" ends the context instead, at the Nth block,
// be it of a validation.
type childRun struct {
	Dir       string
	Threads   int
	Optimizer Optimizer
	Where     string
	Nth       int
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

// options are of a run that does all there is: validations, checkpoints and going back to
// the best.
func (c childRun) options() Options {
	return Options{
		LearningRate: 0.05, Optimizer: c.Optimizer, BlocksPerStep: 2, Seed: 5, WeightDecay: 0.1, ValidateEvery: 4,
		RestoreBest: true, MinDelta: 0.02, CheckpointEvery: 3, CheckpointMinutes: -1, KeepCheckpoints: 2,
	}
}

func (c childRun) train() error {
	const v = 270 // the table is taken in two ranges
	m := newBigram(v)
	pool := kernel.NewPool(c.Threads)
	defer pool.Close()
	r, err := New(m, pool, chain(3, v, 17, 17), chain(4, v, 2), c.options(), c.Dir, nil)
	if err != nil {
		return err
	}
	left := c.Nth
	count := func(where string) {
		if c.Where == where {
			if left--; left < 0 {
				die()
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := func() {
		if c.Where == "stop" {
			if left--; left < 0 {
				cancel()
			}
		}
	}
	m.before = func(int) error { count("gradients"); stop(); return nil }
	m.validated = stop
	r.store.fault = func(string) error { count("checkpoint"); return nil }
	if _, err := r.Resume(); err != nil && !errors.Is(err, ErrNone) {
		return err
	}
	result, err := r.Train(ctx, func(Event) { count("event") })
	if errors.Is(err, ErrStopped) {
		os.Exit(2)
	}
	if err != nil {
		return err
	}
	fmt.Println(m.digest(), result.Steps, result.Tokens, result.Trained, result.Smoothed, result.Best.Step, result.Restored)
	return nil
}

// process runs the child and returns what it printed, and whether it was killed.
func (c childRun) process(t *testing.T) (out string, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	text, err := json.Marshal(c)
	require.NoError(t, err)
	cmd.Env = append(os.Environ(), childTrains+"="+string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	if err == nil {
		return string(printed), false
	}
	require.Empty(t, stderr.String())
	require.Empty(t, printed)
	return "", true
}

// However often a run is killed or stopped, and wherever, what it comes to when it is resumed is
// bit-identical to a run that was not, on any number of threads.
func TestKilledRunIsResumed(t *testing.T) {
	t.Parallel()
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		whole, killed := childRun{Dir: folder(t), Threads: 1, Optimizer: kind}.process(t)
		require.False(t, killed)
		require.Contains(t, whole, " 18 ")
		for _, threads := range []int{1, 2, 4} {
			t.Run(fmt.Sprint(kind, " ", threads), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(threads), uint64(len(kind))))
				c := childRun{Dir: folder(t), Threads: threads, Optimizer: kind}
				kills := 0
				for range 8 {
					c.Where = []string{"gradients", "checkpoint", "event", "stop"}[random.IntN(4)]
					c.Nth = random.IntN(map[string]int{"gradients": 25, "checkpoint": 45, "event": 14, "stop": 25}[c.Where])
					out, killed := c.process(t)
					if !killed {
						assert.Equal(t, whole, out)
						c.Dir = folder(t) // and once more
						continue
					}
					kills++
				}
				assert.Greater(t, kills, 2)
				c.Where = ""
				out, killed := c.process(t)
				require.False(t, killed)
				assert.Equal(t, whole, out)

				// Each step and each validation is in the metrics once, in order.
				stepsOnce(t, c.Dir, 18, []int{0, 4, 8, 12, 16, 18})
			})
		}
	}
}

// stepsOnce checks that a run's metrics have each step and validation once.
func stepsOnce(t *testing.T, dir string, steps int, validations []int) {
	t.Helper()
	next, found, last := 1, []int{}, 0
	for _, e := range readMetrics(t, dir) {
		assert.GreaterOrEqual(t, e.At(), last)
		last = e.At()
		switch e := e.(type) {
		case *Progress:
			assert.Equal(t, next, e.Step)
			next++
		case *Validation:
			found = append(found, e.Step)
		}
	}
	assert.Equal(t, steps, next-1)
	assert.Equal(t, validations, found)
}
