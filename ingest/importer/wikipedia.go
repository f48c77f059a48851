package importer

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An article is a record {"id","url","title","text"} with plain text, as dumps
// are published and as extractors write them. Its row asks for the subject and
// answers with the lead:
//
//	{"instruction":"Tell me about TITLE.","output":LEAD,"_grounding":"Wikipedia: TITLE (URL)"}
//
// The lead is the first paragraphs, of leadMost words together. If the first has
// more it is cut after its last sentence within them, or after its first
// sentence if that one is longer still. It ends at the first section heading,
// which in plain text is a short paragraph without a full stop. Paragraphs are
// separated by empty lines or, in a text without any, by line breaks; a first
// one that repeats the title is no part of the lead.
//
// Skipped are pages that are no articles (redirects, disambiguation, lists and
// outlines, other namespaces), text still in wiki markup, and articles with a
// lead of fewer than leadLeast words.
const (
	leadMost    = 150
	leadLeast   = 20
	headingMost = 8 // words
)

var (
	noArticle = regexp.MustCompile(`^(?i:category|template|wikipedia|portal|file|help|draft|module|mediawiki|talk|user|user talk):\S`)
	listTitle = regexp.MustCompile(`^(Lists?|Index|Indices|Outline) of `)
	mayRefer  = regexp.MustCompile(`\b(may|can|could) (also )?refer to\b|\brefers? to( [^.]*)?:$`)
	wikiMarks = regexp.MustCompile(`\[\[|\{\{|'''`)
)

func wikipediaRow(dst []byte, r *record) ([]byte, string) {
	title, _ := r.text("title")
	title = oneLine(title)
	text, _ := r.text("text")
	switch {
	case title == "":
		return dst, "no title"
	case strings.TrimSpace(text) == "":
		return dst, "no text"
	case noArticle.MatchString(title):
		return dst, "page of another namespace"
	case strings.HasPrefix(strings.ToUpper(strings.TrimSpace(text)), "#REDIRECT"):
		return dst, "redirect"
	case strings.HasSuffix(strings.ToLower(title), "(disambiguation)"):
		return dst, "disambiguation page"
	case listTitle.MatchString(title):
		return dst, "list or outline"
	}
	lead, first := leadOf(text, title)
	switch {
	case wikiMarks.MatchString(lead):
		return dst, "wiki markup: extract plain text first"
	case len(strings.Fields(first)) < 2*leadLeast && mayRefer.MatchString(first):
		return dst, "disambiguation page"
	case len(strings.Fields(lead)) < leadLeast:
		return dst, "lead of fewer than 20 words"
	}
	grounding := "Wikipedia: " + title
	if url, _ := r.text("url"); url != "" {
		grounding += " (" + url + ")"
	}
	dst = member(dst, "instruction", fullStop("Tell me about "+title))
	dst = member(dst, "output", lead)
	return r.carry(member(dst, "_grounding", grounding), "_grounding"), ""
}

// fullStop ends a sentence that does not end by itself.
func fullStop(text string) string {
	if strings.ContainsRune(".!?", rune(text[len(text)-1])) {
		return text
	}
	return text + "."
}

// leadOf is the lead of an article, and its first paragraph.
func leadOf(text, title string) (lead, first string) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	separator := "\n"
	if strings.Contains(strings.TrimSpace(text), "\n\n") {
		separator = "\n\n"
	}
	total := 0
	for paragraph := range strings.SplitSeq(text, separator) {
		paragraph = strings.TrimSpace(paragraph)
		words := len(strings.Fields(paragraph))
		switch {
		case words == 0, total == 0 && strings.EqualFold(oneLine(paragraph), title):
			continue
		case total == 0:
			first, lead, total = paragraph, paragraph, words
			if words > leadMost {
				return firstSentences(paragraph, leadMost), first
			}
			continue
		case isHeading(paragraph, words), total+words > leadMost:
			return lead, first
		}
		lead += "\n\n" + paragraph
		total += words
	}
	return lead, first
}

func isHeading(paragraph string, words int) bool {
	last, _ := utf8.DecodeLastRuneInString(paragraph)
	return words <= headingMost && !strings.ContainsRune(`.!?:;)"”。`, last)
}

// firstSentences cuts a text after its last sentence within so many words, or
// after its first sentence.
func firstSentences(text string, most int) string {
	end, words, blank := 0, 0, true
	for i, c := range text {
		if unicode.IsSpace(c) {
			blank = true
			continue
		}
		if blank {
			blank = false
			if words++; words > most && end > 0 {
				break
			}
		}
		if after := i + utf8.RuneLen(c); strings.ContainsRune(".!?", c) {
			if at, ends := endsSentence(text, after); ends {
				end = at
			}
		}
	}
	if end == 0 {
		return text
	}
	return text[:end]
}

// abbreviated is words that a full stop shortens rather than a sentence ends
// after.
var abbreviated = regexp.MustCompile(`(^|[\s(\["“])(\p{L}|Dr|Mr|Mrs|Ms|St|No|vs|ca|cf|fl|Jr|Sr|Prof|Gen|Lt|Col|Capt|Sgt|Rev|Mt|Ft|Inc|Ltd|Co|Corp|approx|lit|\p{L}\.\S*)\.$`)

// endsSentence reports whether the mark before after ends a sentence, and where
// that ends, with quotes and brackets closed.
func endsSentence(text string, after int) (end int, ends bool) {
	end = len(text) - len(strings.TrimLeft(text[after:], `"')]”’`))
	next := strings.TrimLeftFunc(text[end:], unicode.IsSpace)
	if next == "" {
		return end, true
	}
	if c, _ := utf8.DecodeRuneInString(next); len(next) == len(text)-end || unicode.IsLower(c) {
		return end, false
	}
	return end, !abbreviated.MatchString(text[max(0, after-maxAbbreviation):after])
}

// maxAbbreviation is how far back a shortened word is looked for, in bytes.
const maxAbbreviation = 24
