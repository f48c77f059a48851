package importer

import (
	"regexp"
	"strings"

	"smelt/compute/jsontext"
)

// A paper is a record {"id","title","abstract","categories",...} of arXiv's
// metadata, in which titles and abstracts are broken into short lines. These are
// joined, as nothing in them depends on where they break:
//
//	{"instruction":"What is the paper \"TITLE\" about?","output":ABSTRACT,
//	 "_grounding":"arXiv:ID","_categories":"cs.LG stat.ML"}
//
// Skipped are papers without an id, a title or an abstract, with an abstract of
// fewer than abstractLeast words, or withdrawn: their abstract says so, or their
// comments do.
const abstractLeast = 10

var withdrawn = regexp.MustCompile(`(?i)\b(paper|article|manuscript|submission|preprint|work|version|note|letter)\b[^.]{0,40}\b(is|was|has been|being) (now )?(withdrawn|retracted)\b` +
	`|\bwithdrawn by (the |its )?(authors?|arxiv)\b|^(this is )?withdrawn\b`)

func arxivRow(dst []byte, r *record) ([]byte, string) {
	id, _ := r.text("id")
	if f := r.field("id"); f != nil && f.Kind == jsontext.Number {
		id = string(f.Value)
	}
	title, _ := r.text("title")
	abstract, _ := r.text("abstract")
	comments, _ := r.text("comments")
	title, abstract = oneLine(title), oneLine(abstract)
	switch {
	case strings.TrimSpace(id) == "":
		return dst, "no id"
	case title == "":
		return dst, "no title"
	case abstract == "":
		return dst, "no abstract"
	case withdrawn.MatchString(abstract), withdrawn.MatchString(oneLine(comments)):
		return dst, "withdrawn"
	case len(strings.Fields(abstract)) < abstractLeast:
		return dst, "abstract of fewer than 10 words"
	}
	dst = member(dst, "instruction", `What is the paper "`+title+`" about?`)
	dst = member(dst, "output", abstract)
	dst = member(dst, "_grounding", "arXiv:"+strings.TrimSpace(id))
	if categories, _ := r.text("categories"); categories != "" {
		dst = member(dst, "_categories", oneLine(categories))
	}
	return r.carry(dst, "_grounding", "_categories"), ""
}
