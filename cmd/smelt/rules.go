package main

import (
	"fmt"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/rule"
)

// bucketRules finds buckets by the rules of the catalog's buckets: the first
// that holds, in order of creation. It is nil where there are none.
func bucketRules(catalog *db.Catalog) (func(*row.Content) string, error) {
	type bucketRule struct {
		bucket string
		rule   *rule.Rule
	}
	var rules []bucketRule
	for _, b := range catalog.Buckets {
		if b.Rule == "" {
			continue
		}
		r, err := rule.Parse(b.Rule)
		if err != nil {
			// The statement at hand is not to blame, so this is no *ast.Error.
			return nil, fmt.Errorf("the rule of bucket %q, kept in the store, cannot be used: %v", b.Name, err)
		}
		rules = append(rules, bucketRule{b.Name, r})
	}
	if len(rules) == 0 {
		return nil, nil
	}
	return func(content *row.Content) string {
		for _, r := range rules {
			if r.rule.Matches(content) {
				return r.bucket
			}
		}
		return ""
	}, nil
}
