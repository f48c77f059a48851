package datasetmanifest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query/mix"
)

func weigh(weights []string) error {
	_, err := mix.Weights(weights)
	return err
}

const example = `{
  "metadata": {"created": "2025-10-23T01:09:21", "version": "1.0", "total_examples": 12},
  "buckets": {
    "code": {"source": "a/b.jsonl", "count": 12, "weight": 0.5, "description": "d", "provenance": "auto", "added": "x"},
    "legal": {"source": "l.jsonl", "count": 0, "weight": 1e-2}
  },
  "default_weights": {"code": 0.20, "factual": 0.030},
  "training_phases": {"warmup": {"description": "w", "weights": {"legal": 0.4, "code": 0.6}, "recommended_samples": 100, "epochs": 2}}
}`

func TestReadAndApply(t *testing.T) {
	m, err := Read(strings.NewReader(example), weigh)
	require.NoError(t, err)
	assert.Equal(t, []Bucket{
		{db.Bucket{Name: "code", Weight: "0.20", Description: "d"}, "a/b.jsonl", 12},
		{db.Bucket{Name: "factual", Weight: "0.030"}, "", 0},
		{db.Bucket{Name: "legal", Weight: "0.01"}, "l.jsonl", 0},
	}, m.Buckets)
	c := db.BuiltinCatalog()
	before, _ := c.Bucket("factual")
	require.NoError(t, m.Apply(c))
	code, _ := c.Bucket("code")
	assert.Equal(t, "0.20", code.Weight)
	factual, _ := c.Bucket("factual")
	assert.Equal(t, before.Description, factual.Description, "what the manifest leaves out stays")
	p, ok := c.Phase("warmup")
	require.True(t, ok)
	assert.Equal(t, db.Phase{Name: "warmup", Description: "w", Samples: 100, Epochs: 2,
		Weights: []db.PhaseWeight{{Bucket: "legal", Weight: "0.4"}, {Bucket: "code", Weight: "0.6"}}}, p, "buckets stay in the file's order")
}

func TestWriteReadsBack(t *testing.T) {
	c := db.BuiltinCatalog()
	c.SetBucket(db.Bucket{Name: "odd \"name\"", Weight: "0.125", Description: "<&>"})
	var out bytes.Buffer
	require.NoError(t, Write(&out, c, map[string]int64{"code": 7}, time.Unix(0, 0)))
	m, err := Read(&out, weigh)
	require.NoError(t, err)
	got := db.BuiltinCatalog()
	require.NoError(t, m.Apply(got))
	assert.Equal(t, c, got)
}

// TestApplyKeepsRules: a manifest says nothing of a bucket's rule.
func TestApplyKeepsRules(t *testing.T) {
	c := db.BuiltinCatalog()
	c.SetBucket(db.Bucket{Name: "legal", Rule: "output = 'x'"})
	m, err := Read(strings.NewReader(`{"buckets": {"legal": {"weight": 0.5}}}`), weigh)
	require.NoError(t, err)
	require.NoError(t, m.Apply(c))
	b, _ := c.Bucket("legal")
	assert.Equal(t, db.Bucket{Name: "legal", Weight: "0.5", Rule: "output = 'x'"}, b)
}

func TestReadRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`[]`:                                "not a dataset manifest",
		`{}`:                                "neither buckets",
		`{"buckets"`:                        "not a dataset manifest",
		`{"buckets": {"a": {"count": -1}}}`: "buckets.a.count",
		`{"buckets": {"a": 5}}`:             "buckets.a: an object is expected",
		`{"default_weights": {"a": "x"}}`:   "default_weights.a",
		`{"default_weights": {"a": -1}}`:    "default_weights.a",
		`{"training_phases": {"p": {}}}`:    "training_phases.p: a phase needs weights",
		`{"training_phases": {"p": {"weights": {"a": null}}}}`:         "training_phases.p.weights.a",
		`{"buckets": {"": {}}}`:                                        "buckets: a name is empty",
		`{"default_weights": {"": 1}}`:                                 "default_weights: a name is empty",
		`{"training_phases": {"": {"weights": {"code": 1}}}}`:          "training_phases: a name is empty",
		`{"default_weights": {"a": 1e-300}}`:                           "default_weights.a: a weight has at most 18 digits after its point; 1e-300 has 300",
		`{"training_phases": {"p": {"weights": {"a": 0, "b": 0.0}}}}`:  "training_phases.p.weights: weights sum to zero",
		`{"training_phases": {"p": {"weights": {"a": 1e30, "b": 1}}}}`: "training_phases.p.weights: weights are too precise",
		`{"buckets": {"a": {"weight": 1e999, "source": "x"}}}`:         "buckets.a.weight",
		`{"buckets": {"a": {"description": {"deep": "object"}}}}`:      "buckets.a.description",
	} {
		_, err := Read(strings.NewReader(text), weigh)
		require.ErrorContains(t, err, says, text)
	}
	m, err := Read(strings.NewReader(`{"training_phases": {"p": {"weights": {"nobody": 1}}}}`), weigh)
	require.NoError(t, err)
	require.ErrorContains(t, m.Apply(db.BuiltinCatalog()), "training_phases.p.weights.nobody")
}

// TestApplyWeighsOnOneScale: weights of the store and of a manifest do not mix.
func TestApplyWeighsOnOneScale(t *testing.T) {
	for text, weight := range map[string]string{
		`{"default_weights": {"legal": 0.5}}`:    "",
		`{"buckets": {"code": {}, "legal": {}}}`: "20",
	} {
		c := db.BuiltinCatalog()
		m, err := Read(strings.NewReader(text), weigh)
		require.NoError(t, err)
		require.NoError(t, m.Apply(c))
		code, _ := c.Bucket("code")
		assert.Equal(t, weight, code.Weight, text)
	}
}

// TestApplyChangesAllOrNothing: a catalog that cannot be is left as it was.
func TestApplyChangesAllOrNothing(t *testing.T) {
	for text, says := range map[string]string{
		`{"buckets": {"new": {}}, "training_phases": {"p": {"weights": {"nobody": 1}}}}`: "no such bucket",
		`{"default_weights": {"a": 1e30, "b": 1}}`:                                       "too precise",
	} {
		c := db.BuiltinCatalog()
		m, err := Read(strings.NewReader(text), weigh)
		require.NoError(t, err)
		require.ErrorContains(t, m.Apply(c), says)
		assert.Equal(t, db.BuiltinCatalog(), c)
	}
}
