package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"smelt/ingest/classify/internal/linear"
)

//go:embed lexicon.txt
var words string

// groups are words that mean much the same for a bucket. Each group has one
// weight a side, learned from all its words, so that a word no source has used
// weighs what its kin do.
type groups struct {
	of map[uint32][]int32 // the groups of a feature
	n  int
}

// lexicon reads lexicon.txt: a line "name: word, two words, ..." is a group, and
// lines that begin with white space continue it. A "#" begins a comment.
func lexicon() (*groups, error) {
	g := &groups{of: map[uint32][]int32{}}
	for i, line := range strings.Split(words, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		list := line
		if line[0] != ' ' && line[0] != '\t' {
			name, rest, found := strings.Cut(line, ":")
			if !found || name == "" {
				return nil, fmt.Errorf("lexicon.txt:%d: a group begins with its name and a colon", i+1)
			}
			list, g.n = rest, g.n+2
		}
		if g.n == 0 {
			return nil, fmt.Errorf("lexicon.txt:%d: words before the first group", i+1)
		}
		for _, word := range strings.Split(list, ",") {
			word = strings.TrimSpace(word)
			if word == "" {
				continue
			}
			for side, f := range linear.Phrase(word) {
				if id := int32(g.n - 2 + side); !slices.Contains(g.of[f], id) {
					g.of[f] = append(g.of[f], id)
				}
			}
		}
	}
	return g, nil
}
