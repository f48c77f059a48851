package rank

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db/row"
)

// vectors is testdata/vectors.json, which vectors.py made without this package.
type vectors struct {
	Version int
	Tags    []struct {
		Kind, Tag   string
		Seed        uint64
		Epoch, Copy int
	}
	Keys []struct {
		Tag   string
		A, B  uint64
		Ranks [][2]uint64 // h, rank
	}
	Holdouts []struct {
		Percent  string
		FirstOut uint64 `json:"first_out"`
		Members  []member
	}
	Records []struct {
		N                          int `json:"_n"`
		Instruction, Input, Output string
		Bucket                     string `json:"_bucket"`
	}
	Rows []struct {
		RowHash row.Hash `json:"row_hash"`
	}
	Samples []sampleVector
}

type sampleVector struct {
	Statement        string
	Seed             uint64
	Policy           string
	Asked, Delivered map[string]int
	Pool             map[string][][2]int // _n, copy
	Selected         map[string][]row.Hash
	Written          [][2]int // _n, copy
	Digest           row.Hash
}

// member is a pair [h, contained].
type member struct {
	h  uint64
	in bool
}

func (m *member) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[2]any{&m.h, &m.in})
}

func readVectors(t *testing.T) *vectors {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	require.NoError(t, err)
	v := new(vectors)
	require.NoError(t, json.Unmarshal(text, v))
	require.Equal(t, 1, v.Version)
	return v
}

func TestVectorTags(t *testing.T) {
	v := readVectors(t)
	require.NotEmpty(t, v.Tags)
	for _, tag := range v.Tags {
		var got Key
		switch tag.Kind {
		case "sample":
			got = SampleKey(tag.Seed)
		case "redraw":
			got = RedrawKey(tag.Seed, tag.Epoch)
		case "order":
			got = OrderKey(tag.Seed, tag.Epoch, tag.Copy)
		case "holdout":
			got = HoldoutKey()
		default:
			require.Fail(t, "unknown kind", tag.Kind)
		}
		assert.Equal(t, NewKey(tag.Tag), got, tag.Tag)
	}
}

func TestVectorRanks(t *testing.T) {
	v := readVectors(t)
	require.NotEmpty(t, v.Keys)
	for _, k := range v.Keys {
		key := NewKey(k.Tag)
		assert.Equal(t, Key{a: k.A, b: k.B}, key, k.Tag)
		require.NotEmpty(t, k.Ranks)
		for _, pair := range k.Ranks {
			assert.Equal(t, pair[1], key.Rank(pair[0]), "tag %q, h %d", k.Tag, pair[0])
		}
	}
}

func TestVectorHoldouts(t *testing.T) {
	v := readVectors(t)
	require.NotEmpty(t, v.Holdouts)
	for _, o := range v.Holdouts {
		holdout, err := NewHoldout(o.Percent)
		require.NoError(t, err, o.Percent)
		assert.Equal(t, o.FirstOut, holdout.below, o.Percent)
		require.NotEmpty(t, o.Members)
		for _, m := range o.Members {
			assert.Equal(t, m.in, holdout.Contains(m.h), "%s percent, h %d", o.Percent, m.h)
		}
	}
}

// From the rows that WHERE and DISTINCT leave, and the quotas, follow the rows
// selected, the order written and the digest.
func TestVectorSamples(t *testing.T) {
	v := readVectors(t)
	require.Len(t, v.Rows, len(v.Records))
	hashes, buckets := map[int]row.Hash{}, map[int]string{}
	for i, r := range v.Records {
		got := row.Sum(&row.Content{Instruction: r.Instruction, Input: r.Input, Output: r.Output})
		require.Equal(t, v.Rows[i].RowHash, got, "record %d", r.N)
		hashes[r.N], buckets[r.N] = got, r.Bucket
	}
	require.NotEmpty(t, v.Samples)
	for _, s := range v.Samples {
		t.Run(s.Statement, func(t *testing.T) {
			checkSample(t, s, hashes, buckets)
		})
	}
}

func checkSample(t *testing.T, s sampleVector, hashes map[int]row.Hash, buckets map[int]string) {
	type place struct {
		n, copyNo int
		bucket    string
		hash      row.Hash
		rank      uint64
	}
	byRank := func(x, y place) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), x.hash.Compare(y.hash), cmp.Compare(x.copyNo, y.copyNo),
			cmp.Compare(x.bucket, y.bucket))
	}

	written := []place{}
	for stratum, pool := range s.Pool {
		key := SampleKey(s.Seed)
		var places []place
		for _, p := range pool {
			hash := hashes[p[0]]
			places = append(places, place{p[0], p[1], buckets[p[0]], hash, key.Rank(hash.H())})
		}
		slices.SortFunc(places, byRank)
		quota := s.Delivered[stratum]
		if s.Policy == "REPEAT" {
			for once := slices.Clone(places); len(places) < quota; {
				for i := range once {
					once[i].copyNo++
				}
				places = append(places, once...)
			}
		}
		places = places[:quota]
		slices.SortFunc(places, byRank)
		selected := []row.Hash{}
		for _, p := range places {
			selected = append(selected, p.hash)
		}
		assert.Equal(t, s.Selected[stratum], selected, stratum)
		written = append(written, places...)
	}

	for i, p := range written {
		written[i].rank = OrderKey(s.Seed, 1, p.copyNo).Rank(p.hash.H())
	}
	slices.SortFunc(written, byRank)
	order := [][2]int{}
	var digest Digest
	for _, p := range written {
		order = append(order, [2]int{p.n, p.copyNo})
		digest.Add(p.hash)
	}
	assert.Equal(t, s.Written, order)
	assert.Equal(t, s.Digest, digest.Sum())
}
