package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
)

func TestWithRules(t *testing.T) {
	catalog := db.BuiltinCatalog()
	none, err := withRules(catalog, nil)
	require.NoError(t, err)
	assert.Nil(t, none, "nothing to ask")

	catalog.SetBucket(db.Bucket{Name: "a", Rule: "output = 'a'"})
	catalog.SetBucket(db.Bucket{Name: "short", Rule: "length(output) < 3"})
	for _, c := range []struct {
		output, alone, before string
		score                 float64
	}{
		{"a", "a", "a", 1},
		{"b", "short", "short", 1},
		{"long", "", "factual", 0.5},
	} {
		content := &row.Content{Output: c.output}
		classify, err := withRules(catalog, nil)
		require.NoError(t, err)
		bucket, _ := classify(content)
		assert.Equal(t, c.alone, bucket, c.output)

		classify, err = withRules(catalog, func(*row.Content) (string, float64) { return "factual", 0.5 })
		require.NoError(t, err)
		bucket, score := classify(content)
		assert.Equal(t, c.before, bucket, c.output)
		assert.Equal(t, c.score, score, c.output)
	}

	catalog.SetBucket(db.Bucket{Name: "newer", Rule: "rhymes(output)"})
	_, err = withRules(catalog, nil)
	require.ErrorContains(t, err, `the rule of bucket "newer"`)
	var words *ast.Error
	assert.False(t, errors.As(err, &words), "the command line is not to blame")
}
