package bench

import "math/bits"

// kind is what a bucket's rows look like.
type kind uint8

const (
	instruction kind = iota // also every bucket without a kind of its own
	cotMath
	code
	analytical
	toolUse
	creative
	factual
	redTeam
)

var kinds = map[string]kind{
	"cot_math": cotMath, "code": code, "analytical": analytical, "tool_use": toolUse,
	"creative": creative, "factual": factual, "red_team": redTeam,
}

// lengths are where the bands of row sizes begin, in bytes. Half the rows fall
// into the first band, half the rest into the second, and so on: an exponential
// tail, as real corpora have. The last number ends the last band.
var lengths = [...]int{275, 330, 450, 690, 1080, 1700, 2700, 3700}

// aside is the room left for metadata. It is fixed, so that the same text gets
// the same length with other metadata.
const aside = 90

// row writes one row of b, with its line end.
func (s *scribe) row(b *bucket, meta rng) {
	start := len(s.buf)
	r := s.rng.next()
	band := min(bits.LeadingZeros64(r), len(lengths)-2)
	low, high := lengths[band], lengths[band+1]
	size := low + int(r&0xffff)*(high-low)>>16 - aside
	end := start + size

	s.str(`{`)
	switch b.kind {
	case cotMath:
		s.math(size)
	case code:
		s.code(end)
	case toolUse:
		s.tools(end)
	case analytical:
		s.alpaca(end, tasks, []string{" ", " ", " ", `\n\nFirst, `, `\n\nHowever, `, " Therefore, ", " In contrast, ", `\n\nOverall, `})
	case creative:
		s.alpaca(end, writing, []string{" ", `\n`, `\n`, `\n\n`})
	case factual, redTeam, instruction:
		s.alpaca(end, tasks, []string{" ", " ", " ", " ", " ", " ", `\n\n`})
	}
	s.metadata(b, &meta)
	s.str("}\n")
}

// alpaca writes a task, for some an input, and an answer in prose.
func (s *scribe) alpaca(end int, openings, between []string) {
	size := end - len(s.buf)
	s.str(`"instruction": "`)
	s.form(one(&s.rng, openings))
	if s.rng.next()&1 == 0 {
		s.str(" ")
		s.sentence(len(s.buf) + size/6)
	}
	switch s.rng.next() % 8 {
	case 0, 1:
		s.str(`", "input": "`)
		s.prose(len(s.buf)+size/4, between)
	case 2, 3, 4:
		s.str(`", "input": "`)
	}
	s.str(`", "output": "`)
	if s.rng.next()&3 == 0 {
		s.sentence(len(s.buf) + size/8)
		s.list(end - size/8)
		s.str(`\n\n`)
	}
	s.prose(end, between)
	s.str(`"`)
}

// step is one line of a sum: before op by = after.
type step struct {
	op                byte
	before, by, after int
}

// math writes a word problem and its solution, step by step and right, under
// question and answer or under instruction and output.
func (s *scribe) math(size int) {
	var steps [24]step
	total := 12 + int(s.rng.below(400))
	first, n := total, min(2+size/150, len(steps))
	for i := range steps[:n] {
		by := 2 + int(s.rng.below(40))
		st := step{'+', total, by, total + by}
		switch op := s.rng.next() % 6; {
		case op < 2 && by < total:
			st.op, st.after = '-', total-by
		case op == 2 && total < 5000:
			st.by = 2 + by%5
			st.op, st.after = '*', total*st.by
		case op == 3 && total%2 == 0:
			st.op, st.by, st.after = '/', 2, total/2
		}
		steps[i], total = st, st.after
	}

	asked, answered := `"question": "`, `", "answer": "`
	if s.rng.next()%3 == 0 {
		asked, answered = `"instruction": "`, `", "input": "", "output": "`
	}
	person, thing := one(&s.rng, people), s.words[s.topic[0]]
	s.str(asked)
	s.str(person)
	s.form(" $w the $t $w and ")
	s.str("has ")
	s.int(first)
	s.str(" " + thing + " in the ")
	s.form("$t.")
	for _, st := range steps[:n] {
		s.str(" ")
		start := len(s.buf)
		if s.rng.next()&1 == 0 {
			s.form("after $p, ")
		}
		switch st.op {
		case '+':
			s.form("$c brings ")
			s.int(st.by)
			s.str(" more.")
		case '-':
			s.int(st.by)
			s.form(" of them are $w to $c.")
		case '*':
			s.form("the $t grows to ")
			s.int(st.by)
			s.str(" times as many.")
		case '/':
			s.form("half go to the $t.")
		}
		s.upper(start)
	}
	s.str(" How many " + thing + " are left?")
	s.str(answered)
	for i, st := range steps[:n] {
		s.str("Step ")
		s.int(i + 1)
		s.str(": ")
		if s.rng.next()&1 == 0 {
			s.form("$p, so ")
		}
		s.int(st.before)
		s.buf = append(s.buf, ' ', st.op, ' ')
		s.int(st.by)
		s.str(" = ")
		s.int(st.after)
		s.str(`.\n`)
	}
	s.str("#### ")
	s.int(total)
	s.str(`"`)
}

// code writes a request for a program and one in a fence.
func (s *scribe) code(end int) {
	lang := languages[s.rng.below(uint64(len(languages)))]
	s.str(`"instruction": "Write `)
	s.str(lang.title)
	s.form(` that $w the $t of $p and $w $t.`)
	if s.rng.next()%3 == 0 {
		s.form(` Use $i and \"$t\", not $p.`)
	}
	if s.rng.next()&1 == 0 {
		s.str(`", "input": "`)
		if s.rng.next()&1 == 0 {
			s.form(`$i = [$n, $n, $m], $i = \"$w $w\"`)
		}
	}
	s.str(`", "output": "`)
	s.sentence(len(s.buf) + 60)
	s.str(`\n\n` + "```" + lang.fence + `\n`)
	s.form(lang.open)
	for len(s.buf)+160 < end {
		s.form(one(&s.rng, lang.lines))
	}
	s.form(lang.close)
	s.str("```" + `\n\n`)
	s.prose(end, []string{" "})
	s.str(`"`)
}

// tools writes a conversation in which a tool is called; for one row in five, a
// task whose answer is the call.
func (s *scribe) tools(end int) {
	size := end - len(s.buf)
	verb, object := one(&s.rng, verbs), s.words[s.topic[0]]
	if s.rng.next()%5 == 0 {
		s.str(`"instruction": "`)
		s.form(one(&s.rng, requests))
		s.str(` Tools: ` + verb + object + `(query, limit). `)
		s.prose(end-100, []string{" "})
		s.str(`", "output": "<functioncall> {\"name\": \"` + verb + object)
		s.form(`\", \"arguments\": {\"query\": \"$w $t\", \"limit\": $n}}"`)
		return
	}
	s.str(`"messages": [{"role": "system", "content": "You can call ` + verb + object)
	s.form(`(query, limit), which $w $p."}, {"role": "user", "content": "`)
	s.form(one(&s.rng, requests))
	s.str(" ")
	s.sentence(len(s.buf) + size/8)
	call := 100000 + int(s.rng.below(900000))
	s.str(`"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "call_`)
	s.int(call)
	s.str(`", "type": "function", "function": {"name": "` + verb + object)
	s.form(`", "arguments": "{\"query\": \"$w $t $w\", \"limit\": $n}"}}]}, {"role": "tool", "tool_call_id": "call_`)
	s.int(call)
	s.str(`", "content": "[`)
	for {
		s.form(`{\"id\": $m, \"$t\": \"$w $w\", \"score\": 0.$n}`)
		if len(s.buf)+size/3+60 > end {
			break
		}
		s.str(", ")
	}
	s.str(`]"}, {"role": "assistant", "content": "`)
	s.prose(end, []string{" ", " ", `\n`})
	s.str(`"}]`)
}

// metadata writes the fields whose names start with an underscore.
func (s *scribe) metadata(b *bucket, r *rng) {
	s.str(`, "_bucket": `)
	s.str(b.quoted)
	s.str(`, "_source": "`)
	// The smaller of two draws: a few sources have most of the rows.
	n := uint64(len(origins))
	s.str(origins[min(r.below(n), r.below(n))])
	s.str(`"`)
	if v := r.next(); v&7 < 3 {
		s.str(`, "_verified": `)
		s.str([]string{"true", "true", "true", "false"}[v>>8&3])
	}
	if v := r.next(); v&15 == 0 || b.kind == redTeam {
		s.str(`, "_severity": `)
		s.int(1 + int(v>>8%5))
	}
	switch b.kind {
	case factual:
		s.str(`, "_grounding": "`)
		s.str(one(r, references))
		s.str(`"`)
	case redTeam:
		s.str(`, "_safety_label": "`)
		s.str(one(r, safetyLabels))
		s.str(`", "_reviewed": `)
		s.str([]string{"true", "false"}[r.next()&7/7])
	}
}
