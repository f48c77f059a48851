package importer

import (
	"strings"

	"smelt/compute/jsontext"
	"smelt/db/row"
	"smelt/ingest"
)

// A preference is a record {"chosen","rejected"} of two transcripts that differ
// in their end. Its row is the conversation of the chosen one:
//
//	{"messages":[{"role":"user","content":"..."},...,{"role":"assistant","content":"..."}],"_reviewed":false}
//
// What chosen may look like is for ingest to say, whose reading of the same
// record is the same content. Nothing of rejected is kept. No label of the
// record's speaks for the safety of what was chosen: preferred is not safe, so
// _safety_label is left out, and no row is _reviewed until somebody here has.
//
// Skipped are records whose chosen is no conversation, ends with the user, or
// ends with an answer that is empty.
func preferenceRow(dst []byte, r *record) ([]byte, string) {
	if r.field("chosen") == nil {
		return dst, "no chosen conversation"
	}
	pair := []byte(`{"rejected":""`)
	for _, f := range r.fields {
		switch string(f.Key) {
		case "chosen", "prompt", "question", "system", "system_prompt":
			pair = append(jsontext.AppendQuoted(comma(pair), f.Key), ':')
			pair = append(pair, f.Value...)
		}
	}
	content, _, err := ingest.Normalise(append(pair, '}'))
	if err != nil {
		return dst, "chosen is no conversation"
	}
	turns := content.Turns
	if turns == nil {
		turns = []row.Turn{{Role: row.User, Content: content.Instruction}, {Role: row.Assistant, Content: content.Output}}
	}
	switch last := turns[len(turns)-1]; {
	case last.Role != row.Assistant:
		return dst, "chosen does not end with an answer"
	case strings.TrimSpace(last.Content) == "":
		return dst, "the chosen answer is empty"
	}
	dst = append(dst, `"messages":[`...)
	for _, t := range turns {
		dst = append(comma(dst), '{')
		dst = member(member(dst, "role", string(t.Role)), "content", t.Content)
		dst = append(dst, '}')
	}
	dst = append(dst, `],"_reviewed":false`...)
	return r.carry(dst, "_reviewed", "_safety_label"), ""
}
