package train

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
)

// stream gives n rows, of which many come again and a few are of no use; the same
// ones whenever it is asked.
func stream(n int) iter.Seq2[chat.Example, error] {
	return func(yield func(chat.Example, error) bool) {
		rng := rand.New(rand.NewPCG(7, 7))
		for range n {
			kind := rng.IntN(n/2 + 1)
			words := rand.New(rand.NewPCG(uint64(kind), 1))
			text := func(most int) string {
				var b strings.Builder
				for range 1 + words.IntN(most) {
					fmt.Fprintf(&b, "w%d ", words.IntN(50))
				}
				return b.String()
			}
			x := chat.Example{Bucket: []string{"tool_use", "code", ""}[kind%3]}
			switch kind % 11 {
			case 0:
				x.Conversation = turns("a", text(30))
			case 1:
				x.Conversation = turns("u", text(3))
			case 2:
				x.Conversation = turns("s", "x", "u", text(5), "a", text(60), "u", text(5), "a", text(10))
			case 3:
				x.Conversation = turns("u", text(3), "a", "")
			default:
				x.Conversation = turns("u", text(10), "a", text(20))
			}
			if !yield(x, nil) {
				return
			}
		}
	}
}

func buildStream(t testing.TB, dir, key string, n int, o DatasetOptions) *Dataset {
	t.Helper()
	if o.BlockTokens == 0 {
		o.BlockTokens = 400
	}
	d, err := Build(t.Context(), dir, key, chatml(t, EncoderOptions{Context: 150}), stream(n), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// The blocks are the definition's: encode each row, and look for the first block
// with room among the last ones.
func TestBlocks(t *testing.T) {
	const n, size, window = 1500, 400, 5
	epochs := []int64{600, 0, 900}
	d := buildStream(t, t.TempDir(), "k", n, DatasetOptions{BlockTokens: size, Window: window, Epochs: epochs})
	e := chatml(t, EncoderOptions{Context: 150})

	type placed struct {
		Sequence
		bucket string
		row    uint32
	}
	var want [][]placed
	var ends, rooms []int
	first := map[string]uint32{}
	dropped, cut, learned, tokens := 0, 0, 0, 0
	row, begun, epoch := uint32(0), 0, 0
	endEpoch := func() {
		for epoch < len(epochs) && epochs[epoch] == 0 {
			ends = append(ends, len(rooms))
			epoch++
		}
		begun = len(rooms)
	}
	for x := range stream(n) {
		name := fmt.Sprint(x)
		if _, ok := first[name]; !ok {
			first[name] = row
		}
		got, err := e.Encode(x.Conversation)
		if err != nil {
			dropped++
		}
		for _, s := range got.Sequences {
			var block int
			rooms, block = firstFit(rooms, begun, size, window, len(s.Tokens))
			if block == len(want) {
				want = append(want, nil)
			}
			want[block] = append(want[block], placed{s, x.Bucket, first[name]})
			tokens += len(s.Tokens)
			learned += s.Learned()
			if s.Cut {
				cut++
			}
		}
		row++
		if epochs[epoch]--; epochs[epoch] == 0 {
			endEpoch()
		}
	}

	require.Equal(t, len(want), d.Blocks())
	assert.Equal(t, []string{"", "code", "tool_use"}, d.Buckets())
	assert.Equal(t, 3, d.Epochs())
	assert.Equal(t, ends, []int{d.EpochEnd(1), d.EpochEnd(2), d.EpochEnd(3)})
	assert.Equal(t, d.Blocks(), d.EpochEnd(4))
	var b Block
	order := rand.New(rand.NewPCG(1, 1)).Perm(d.Blocks()) // any order, the same memory
	for _, i := range order {
		require.NoError(t, d.Block(i, &b))
		require.LessOrEqual(t, len(b.Batch.Tokens), size)
		require.Len(t, b.Batch.Ends, len(want[i]))
		at, count := 0, 0
		for j, w := range want[i] {
			end := b.Batch.Ends[j]
			require.Equal(t, w.Tokens, b.Batch.Tokens[at:end])
			require.Equal(t, w.Tokens[1:], b.Batch.Targets[at:end-1])
			require.Equal(t, w.Learn[1:], b.Learn[at:end-1])
			require.False(t, b.Learn[end-1], "the last has no target")
			require.Zero(t, b.Batch.Targets[end-1])
			require.Equal(t, w.bucket, d.Buckets()[b.Buckets[j]])
			require.Equal(t, w.row, b.Examples[j])
			at = end
		}
		require.Len(t, b.Batch.Tokens, at)
		require.Len(t, b.Learn, at)
		require.Len(t, b.Examples, len(want[i]))
		for _, l := range b.Learn {
			if l {
				count++
			}
		}
		require.Equal(t, count, d.Learned(i))
	}
	assert.Error(t, d.Block(d.Blocks(), &b))
	assert.Error(t, d.Block(-1, &b))

	st := d.Stats()
	assert.Equal(t, []int{n, len(first), dropped, cut}, []int{st.Rows, st.Distinct, st.DroppedRows(), st.CutRows})
	assert.Positive(t, cut)
	assert.Equal(t, []int64{int64(tokens), int64(learned)}, []int64{st.Tokens, st.Learned})
	assert.Equal(t, 150, st.Longest)
	assert.Len(t, st.Dropped, 2)
	sum, inEpochs := BucketStats{}, EpochStats{}
	for _, x := range st.Buckets {
		sum = BucketStats{"", sum.Rows + x.Rows, sum.Dropped + x.Dropped, sum.Tokens + x.Tokens, sum.Learned + x.Learned}
	}
	assert.Equal(t, BucketStats{"", n, dropped, st.Tokens, st.Learned}, sum)
	for _, x := range st.Epochs {
		inEpochs = EpochStats{inEpochs.Rows + x.Rows, inEpochs.Blocks + x.Blocks, inEpochs.Tokens + x.Tokens, inEpochs.Learned + x.Learned}
	}
	assert.Equal(t, EpochStats{n, d.Blocks(), st.Tokens, st.Learned}, inEpochs)
}

// Any number of threads writes the same bytes, and the file is found by its key.
func TestThreadsAndReuse(t *testing.T) {
	var want []byte
	var digest [32]byte
	dirs := map[int]string{}
	for _, threads := range []int{1, 2, 4} {
		dirs[threads] = t.TempDir()
		var rows []int
		d := buildStream(t, dirs[threads], "key", 2500, DatasetOptions{Threads: threads, Progress: func(n int) { rows = append(rows, n) }})
		got, err := os.ReadFile(filepath.Join(dirs[threads], fileName))
		require.NoError(t, err)
		if want == nil {
			want, digest = got, d.Digest()
		}
		require.True(t, slices.Equal(want, got), "%d threads", threads)
		assert.Equal(t, digest, d.Digest())
		assert.Equal(t, []int{1000, 2000, 2500}, rows)
	}
	d := buildStream(t, t.TempDir(), "key", 2500, DatasetOptions{})
	again, err := Open(dirs[2], "key")
	require.NoError(t, err)
	defer func() { _ = again.Close() }()
	assert.Equal(t, d.tables, again.tables)
	assert.Equal(t, d.learned, again.learned)
	assert.Equal(t, d.Digest(), again.Digest())
	var a, b Block
	for i := range d.Blocks() {
		require.NoError(t, d.Block(i, &a))
		require.NoError(t, again.Block(i, &b))
		require.Equal(t, a, b)
	}

	_, err = Open(dirs[2], "another")
	assert.ErrorIs(t, err, ErrRebuild)
	assert.ErrorContains(t, err, "other settings")
	_, err = Open(filepath.Join(dirs[2], "none"), "key")
	assert.ErrorIs(t, err, ErrRebuild)

	// The digest is of the blocks: not of the key, but of how they are packed.
	other := buildStream(t, dirs[4], "another", 2500, DatasetOptions{})
	assert.Equal(t, d.Digest(), other.Digest())
	assert.NotEqual(t, d.Digest(), buildStream(t, t.TempDir(), "key", 2499, DatasetOptions{}).Digest())
	assert.NotEqual(t, d.Digest(), buildStream(t, t.TempDir(), "key", 2500, DatasetOptions{Window: 1}).Digest())
	_, err = Open(dirs[4], "key")
	assert.ErrorIs(t, err, ErrRebuild, "the new one took its place")
}

// Damage anywhere is found, and says that the file is to be made anew.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, buildStream(t, dir, "key", 30, DatasetOptions{}).Close())
	path := filepath.Join(dir, fileName)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	check := func(b []byte, what string, at int) {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		_, err := Open(dir, "key")
		require.ErrorIs(t, err, ErrRebuild, "%s at %d of %d", what, at, len(whole))
	}
	for at := 0; at < len(whole); at += 1 + at%31 {
		check(whole[:at], "cut", at)
		b := slices.Clone(whole)
		b[at] ^= 1 << (at % 8)
		check(b, "a bit", at)
	}
	check(append(slices.Clone(whole), 0), "a byte more", 0)
	require.NoError(t, buildStream(t, dir, "key", 30, DatasetOptions{}).Close())
	d, err := Open(dir, "key")
	require.NoError(t, err)
	require.NoError(t, d.Close())
	assert.Error(t, d.Block(0, new(Block)), "it is closed")
}

func TestBuildErrors(t *testing.T) {
	e := chatml(t, EncoderOptions{Context: 150})
	one := func(yield func(chat.Example, error) bool) {
		yield(chat.Example{Conversation: turns("u", "a", "a", "b")}, nil)
	}
	useless := func(yield func(chat.Example, error) bool) {
		_ = yield(chat.Example{Conversation: turns("u", "a", "a", "")}, nil) && yield(chat.Example{Conversation: turns("u", "a")}, nil) &&
			yield(chat.Example{Conversation: turns("u", "b")}, nil)
	}
	for _, c := range []struct {
		rows iter.Seq2[chat.Example, error]
		o    DatasetOptions
		want string
	}{
		{one, DatasetOptions{BlockTokens: 149}, "blocks of 149 tokens have no room for a sequence of the context's 150"},
		{one, DatasetOptions{BlockTokens: 150, Window: -1}, "out of range"},
		{one, DatasetOptions{BlockTokens: 150, Epochs: []int64{2}}, "epoch 1 is to have 2 rows, and there are 1"},
		{one, DatasetOptions{BlockTokens: 150, Epochs: []int64{0}}, "1 rows came behind the last epoch"},
		{func(func(chat.Example, error) bool) {}, DatasetOptions{BlockTokens: 150}, "no rows came: there is nothing to learn from"},
		{useless, DatasetOptions{BlockTokens: 150}, `all 3 rows are dropped, 2 of them for "no answer" (row 1: no turn is the assistant's): there is nothing`},
	} {
		dir := t.TempDir()
		_, err := Build(t.Context(), dir, "k", e, c.rows, c.o)
		require.ErrorContains(t, err, c.want)
		assert.Empty(t, listing(t, dir))
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Build(t.Context(), file, "k", e, one, DatasetOptions{BlockTokens: 150})
	assert.ErrorContains(t, err, file)
}

func listing(t testing.TB, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
