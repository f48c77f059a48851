package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/llama"
)

// bigram is a model whose logits of token i are table[i] + bias, with exact gradients. Its noise
// follows the seed. As a model that packs its weights, it computes with the parameters it was last
// told of.
type bigram struct {
	v           int
	table, bias llama.Parameter
	used        []float32 // the table, and the bias
	noise       float64
	updates     int
	gradients   int // calls
	// before, if there is one, is called by Gradients first; after it when all is computed.
	before func(call int) error
	after  func(call int, losses []float32)
	// validated, if there is one, is called by Losses.
	validated func()
}

func newBigram(v int) *bigram {
	m := &bigram{v: v, noise: 0.01}
	m.table = llama.Parameter{Name: "table", Shape: []int{v, v}, Data: make([]float32, v*v), Grad: make([]float32, v*v), Decay: true}
	m.bias = llama.Parameter{Name: "bias", Shape: []int{v}, Data: make([]float32, v), Grad: make([]float32, v)}
	random := rand.New(rand.NewPCG(1, 2))
	for _, x := range [][]float32{m.table.Data, m.bias.Data} {
		for i := range x {
			x[i] = float32(random.NormFloat64() / 2)
		}
	}
	m.used = slices.Concat(m.table.Data, m.bias.Data)
	return m
}

func (m *bigram) Parameters() []llama.Parameter { return []llama.Parameter{m.table, m.bias} }

func (m *bigram) Updated() {
	m.updates++
	m.used = append(append(m.used[:0], m.table.Data...), m.bias.Data...)
}

// each computes the loss of each weighted target and gives its derivatives by the logits,
// times the weight.
func (m *bigram) each(losses []float32, b llama.Batch, do func(i int, row int, d []float64)) {
	d := make([]float64, m.v)
	table, bias := m.used[:m.v*m.v], m.used[m.v*m.v:]
	for i, token := range b.Tokens {
		losses[i] = 0
		if b.Weights[i] == 0 {
			continue
		}
		row := table[int(token)*m.v:][:m.v]
		sum := 0.0
		for j := range d {
			d[j] = math.Exp(float64(row[j] + bias[j]))
			sum += d[j]
		}
		target := b.Targets[i]
		losses[i] = float32(math.Log(sum) - float64(row[target]+bias[target]))
		for j := range d {
			d[j] *= float64(b.Weights[i]) / sum
		}
		d[target] -= float64(b.Weights[i])
		if do != nil {
			do(i, int(token), d)
		}
	}
}

func (m *bigram) Gradients(ctx context.Context, losses []float32, b llama.Batch) error {
	m.gradients++
	if m.before != nil {
		if err := m.before(m.gradients); err != nil {
			return err
		}
	}
	m.each(losses, b, func(i, row int, d []float64) {
		noise := 1 + m.noise*(float64(mix(b.Seed, uint64(i))>>11)/(1<<53)-0.5)
		g := m.table.Grad[row*m.v:][:m.v]
		for j := range d {
			g[j] += float32(d[j] * noise)
			m.bias.Grad[j] += float32(d[j] * noise)
		}
	})
	if m.after != nil {
		m.after(m.gradients, losses)
	}
	return ctx.Err()
}

func (m *bigram) Losses(ctx context.Context, losses []float32, b llama.Batch) error {
	m.each(losses, b, nil)
	if m.validated != nil {
		m.validated()
	}
	return ctx.Err()
}

// bits is all parameters that it computes with, and a digest of them.
func (m *bigram) bits() []float32 { return slices.Clone(m.used) }

func (m *bigram) digest() string {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, m.bits())
	return fmt.Sprintf("%x", h.Sum(nil))
}

// memory is blocks in memory.
type memory struct {
	blocks  []Block
	buckets []string
	epochs  []int // where each ends
}

func (d *memory) Blocks() int             { return len(d.blocks) }
func (d *memory) Buckets() []string       { return d.buckets }
func (d *memory) EpochEnd(epochs int) int { return d.epochs[min(epochs, len(d.epochs))-1] }
func (d *memory) Block(i int, into *Block) error {
	*into = d.blocks[i]
	return nil
}
func (d *memory) Learned(i int) int {
	n := 0
	for _, l := range d.blocks[i].Learn {
		if l {
			n++
		}
	}
	return n
}
func (d *memory) Digest() [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%v %v %v", d.blocks, d.buckets, d.epochs))
}

// chain is blocks of sequences in which a token follows from the one before, or does not by chance.
func chain(seed uint64, v int, epochs ...int) *memory {
	random := rand.New(rand.NewPCG(seed, 7))
	d := &memory{buckets: []string{"code", "cot_math", "empty"}}
	for _, n := range epochs {
		for range n {
			var b Block
			for k := range 2 + random.IntN(3) {
				token := int32(random.IntN(v))
				for range 4 + random.IntN(8) {
					next := (token*7 + 3) % int32(v)
					if random.IntN(4) == 0 {
						next = int32(random.IntN(v))
					}
					b.Batch.Tokens = append(b.Batch.Tokens, token)
					b.Batch.Targets = append(b.Batch.Targets, next)
					b.Learn = append(b.Learn, k == 0 || random.IntN(3) > 0)
					token = next
				}
				last := len(b.Learn) - 1
				b.Batch.Targets[last], b.Learn[last] = 0, false
				b.Batch.Ends = append(b.Batch.Ends, last+1)
				b.Buckets = append(b.Buckets, uint16(random.IntN(2)))
				b.Examples = append(b.Examples, uint32(100*len(d.blocks)+k))
			}
			d.blocks = append(d.blocks, b)
		}
		d.epochs = append(d.epochs, len(d.blocks))
	}
	return d
}

// newTestRun is a run on a pool of that many threads.
func newTestRun(t testing.TB, m Model, threads int, data, validation Blocks, o Options, dir string) *Run {
	t.Helper()
	pool := kernel.NewPool(threads)
	t.Cleanup(pool.Close)
	r, err := New(m, pool, data, validation, o, dir, []Setting{{"model", "bigram"}})
	require.NoError(t, err)
	return r
}

// folder is t.TempDir, in memory where the system has a place for it: runs wait for the disk
// often.
func folder(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "smelt")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// events collects what is told.
type events []Event

func (e *events) add(x Event) { *e = append(*e, x) }

// of returns those of one kind.
func of[T Event](e []Event) []T {
	var list []T
	for _, x := range e {
		if x, ok := x.(T); ok {
			list = append(list, x)
		}
	}
	return list
}

// readMetrics returns the events of a run's file.
func readMetrics(t testing.TB, dir string) []Event {
	t.Helper()
	var list []Event
	for e, err := range ReadMetrics(dir) {
		require.NoError(t, err)
		list = append(list, e)
	}
	return list
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}
