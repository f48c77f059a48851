package main

import (
	"fmt"

	"smelt/db"
	"smelt/db/row"
	"smelt/ingest"
	"smelt/query/rule"
)

// ruleScore is the score of a bucket found by a rule, which does not guess.
const ruleScore = 1

// withRules puts the rules of the catalog's buckets before a classifier: the
// first that holds, in order of creation, names the bucket. classifier may be
// nil for none, and so is the result where there are no rules either.
func withRules(catalog *db.Catalog, classifier ingest.Classify) (ingest.Classify, error) {
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
		return classifier, nil
	}
	return func(content *row.Content) (string, float64) {
		for _, r := range rules {
			if r.rule.Matches(content) {
				return r.bucket, ruleScore
			}
		}
		if classifier == nil {
			return "", 0
		}
		return classifier(content)
	}, nil
}

// labellers names what gave unlabelled rows their buckets.
func labellers(catalog *db.Catalog, classify bool) string {
	for _, b := range catalog.Buckets {
		switch {
		case b.Rule != "" && classify:
			return "the buckets' rules and the classifier"
		case b.Rule != "":
			return "the buckets' rules"
		}
	}
	return "the classifier"
}
