package query

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/rank"
)

// TestEqualHeads: rows whose row_hashes agree in the bytes that ranks are made
// of, or in all that is read of most rows, are still told apart by the rest.
// SHA-256 gives no such rows, so the hashes are invented.
func TestEqualHeads(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	heads := []uint64{0x123456789ABCDEF0, 0x123456789ABCDEF1, 0xFFFFFFFFFFFFFFFF, 0}
	var rows []naiveRow
	for i := range 120 {
		r := newNaiveRow(fmt.Sprintf(`{"instruction":"i","_n":%d,"_bucket":%q}`, i, []string{"code", "factual"}[rng.IntN(2)]))
		r.hash = [32]byte{31: byte(rng.IntN(25))}
		binary.BigEndian.PutUint64(r.hash[:], heads[rng.IntN(len(heads))])
		rows = append(rows, r)
	}
	d, err := db.Open(t.TempDir(), db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	w := d.NewWriter()
	defer w.Close()
	file := db.File{ID: w.NewFile(), Rows: int64(len(rows)), Complete: true}
	b := db.NewSegmentBuilder()
	for i, r := range rows {
		require.NoError(t, b.Append(r.hash, []byte(r.record), file.ID, uint64(i+1)))
		b.Field([]byte("_bucket"), db.KindText, []byte(r.bucket))
		if b.Rows() == 50 {
			require.NoError(t, w.Add(b.Finish()))
		}
	}
	require.NoError(t, w.Add(b.Finish()))
	w.PutFile(file)
	require.NoError(t, w.Commit())

	weights := []naiveStratum{{"code", big.NewRat(1, 1), "code", false}, {"factual", big.NewRat(1, 1), "factual", false}}
	kept := map[string][]int{}
	for _, st := range []naiveStatement{
		{count: "30", n: 30, as: "kept"},
		{count: "ALL", exclude: []string{"kept"}},
		{count: "30", n: 30, dups: true},
		{count: "ALL", dups: true, exclude: []string{"kept"}},
		{count: "44", n: 44, by: "(code 1, factual 1)", field: "_bucket", strata: weights, dups: true},
		{count: "ALL", by: "(code 1, factual 1)", field: "_bucket", strata: weights},
		{count: "250", n: 250, policy: "REPEAT"},
		{count: "250", n: 250, policy: "REPEAT", dups: true},
	} {
		if st.strata == nil {
			st.strata = []naiveStratum{{"all rows", big.NewRat(1, 1), nil, true}}
		}
		for seed := range int64(5) {
			st.seed = seed
			if seed > 0 {
				st.as = ""
			}
			want := st.evaluate(rows, kept)
			require.True(t, want.ok, st.String())
			s := mustSample(t, d, st.String())
			requireRecords(t, want.records, rowsOf(t, s), st.String())
			assert.Equal(t, want.digest, s.Report.Digest, st.String())
			if st.as != "" {
				kept[st.as] = want.rows
			}
		}
	}
}

// TestSmallestOfUnlikelyRanks: the guess at a threshold must not matter, even
// where ranks are not spread as those of hashes are.
func TestSmallestOfUnlikelyRanks(t *testing.T) {
	key := rank.SampleKey(1)
	rng := rand.New(rand.NewPCG(4, 4))
	for name, keep := range map[string]func(r uint64) bool{
		"uniform": func(uint64) bool { return true },
		"high":    func(r uint64) bool { return r > rank.P/10*9 },
		"low":     func(r uint64) bool { return r < rank.P/10 },
	} {
		var rows []candidate
		for len(rows) < 3000 {
			if head := rng.Uint64(); keep(key.Rank(head >> 4)) {
				rows = append(rows, candidate{head: head, addr: uint32(len(rows))})
			}
		}
		want := slices.SortedFunc(slices.Values(rows), func(x, y candidate) int {
			return cmp.Compare(key.Rank(x.head>>4), key.Rank(y.head>>4))
		})
		d := &drawing{threads: 2}
		for _, k := range []int{1, 2, 100, 1500, 2699, 2700, 2999} {
			got, err := d.smallest(context.Background(), key, rows, k)
			require.NoError(t, err)
			assert.Equal(t, want[:k], got, "%d of %s ranks", k, name)
		}
	}
}

// TestPartition: each part holds its rows, and no row is lost.
func TestPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.IntRange(1, 9).Draw(t, "parts")
		var rows []candidate
		for i, part := range rapid.SliceOf(rapid.IntRange(0, parts-1)).Draw(t, "rows") {
			rows = append(rows, candidate{addr: uint32(i), stratum: uint32(part)})
		}
		before := slices.Clone(rows)
		starts := partition(rows, parts, func(c candidate) int { return int(c.stratum) })
		require.Len(t, starts, parts+1)
		for part := range parts {
			for _, c := range rows[starts[part]:starts[part+1]] {
				require.EqualValues(t, part, c.stratum)
			}
		}
		slices.SortFunc(rows, func(x, y candidate) int { return cmp.Compare(x.addr, y.addr) })
		require.Equal(t, before, rows)
	})
}

// TestHashSet: membership by hash, and by the bytes it begins with.
func TestHashSet(t *testing.T) {
	var none *hashSet
	assert.False(t, none.mayHave(0))
	d := openRecords(t, mixed(300, 31), 64)
	snap := d.Snapshot()
	all := snap.All()
	set, err := newHashSet(context.Background(), 2, snap, all, nil)
	require.NoError(t, err)
	require.NoError(t, snap.Hashes(context.Background(), all.ToArray(), func(_ int, h row.Hash) error {
		head := binary.BigEndian.Uint64(h[:8])
		assert.True(t, set.has(h))
		assert.True(t, set.mayHave(head))
		assert.False(t, set.mayHave(head+1))
		h[31] ^= 1
		assert.False(t, set.has(h))
		return nil
	}))
}
