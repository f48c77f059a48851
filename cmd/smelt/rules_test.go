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

func TestBucketRules(t *testing.T) {
	catalog := db.BuiltinCatalog()
	none, err := bucketRules(catalog)
	require.NoError(t, err)
	assert.Nil(t, none, "nothing to ask")

	catalog.SetBucket(db.Bucket{Name: "a", Rule: "output = 'a'"})
	catalog.SetBucket(db.Bucket{Name: "short", Rule: "length(output) < 3"})
	find, err := bucketRules(catalog)
	require.NoError(t, err)
	for output, bucket := range map[string]string{"a": "a", "b": "short", "long": ""} {
		assert.Equal(t, bucket, find(&row.Content{Output: output}), output)
	}

	catalog.SetBucket(db.Bucket{Name: "newer", Rule: "rhymes(output)"})
	_, err = bucketRules(catalog)
	require.ErrorContains(t, err, `the rule of bucket "newer"`)
	var words *ast.Error
	assert.False(t, errors.As(err, &words), "the command line is not to blame")
}
