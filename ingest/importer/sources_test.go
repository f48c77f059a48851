package importer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/ingest"
)

func TestBookHeader(t *testing.T) {
	const start = "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n"
	for name, c := range map[string]struct{ head, title, author string }{
		"both":           {"Title: Emma\r\n\r\nAuthor: Jane Austen\r\n" + start, "Emma", "Jane Austen"},
		"no header":      {"Title: Emma\nAuthor: Jane Austen\n", "", ""},
		"title alone":    {"\ufeffTitle:   The\tKalevala\n" + start, "The Kalevala", ""},
		"three lines":    {"Title: A\n  b\n\tc\nAuthor: D\nRelease\n  e\n" + start, "A b c", "D"},
		"blank line":     {"Title: A\n\n  b\n" + start, "A", ""},
		"the first":      {"Title: A\nTitle: B\n" + start, "A", ""},
		"after the mark": {start + "Title: A\n", "", ""},
		"old mark":       {"Title: A\n***START OF THIS PROJECT GUTENBERG EBOOK***", "A", ""},
		"empty":          {"", "", ""},
	} {
		title, author := bookHeader([]byte(c.head))
		assert.Equal(t, [2]string{c.title, c.author}, [2]string{title, author}, name)
	}
}

// Paragraphs of a book come out whole and in order, none twice, none missing.
func TestBookKeepsParagraphs(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		var paragraphs []string
		for i, words := range rapid.SliceOfN(rapid.IntRange(1, 180), 2, 30).Draw(r, "words") {
			paragraphs = append(paragraphs, fmt.Sprintf("p%d", i)+strings.Repeat(" word", words))
		}
		path := filepath.Join(dir, "book")
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(paragraphs, "\n\n")), 0o600))
		text, _ := linesOf(t, "gutenberg", path)
		var got []string
		for line := range strings.Lines(text) {
			var row struct{ Instruction, Input, Output string }
			require.NoError(r, json.Unmarshal([]byte(line), &row))
			assert.Equal(r, "Continue this passage.", row.Instruction)
			for _, passage := range []string{row.Input, row.Output} {
				got = append(got, strings.Split(passage, "\n\n")...)
				assert.NotEmpty(r, passage)
			}
		}
		assert.Equal(r, paragraphs, got)
	})
}

func TestBooksThatAreNone(t *testing.T) {
	got, f := linesOf(t, "gutenberg", dump(t, "one.txt", "A single paragraph."))
	assert.Equal(t, "\n", got)
	assert.Len(t, skipped(f), 1)
	got, f = linesOf(t, "gutenberg", dump(t, "latin1.txt", "Caf\xe9.\n\nNoir."))
	assert.Equal(t, "\n", got)
	require.Len(t, f.Skipped(), 1)
	assert.Contains(t, f.Skipped()[0].Reason, "iconv")
	got, f = linesOf(t, "gutenberg", dump(t, "empty.txt", ""))
	assert.Empty(t, got)
	assert.Empty(t, f.Skipped())
}

func TestFirstSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"One two. Three four. Five six.", 4, "One two. Three four."},
		{"One two. Three four. Five six.", 5, "One two. Three four."},
		{"One two three four. Five.", 2, "One two three four."},
		{"One two three four", 2, "One two three four"},
		{"He met Dr. Who in St. Albans at 3.15 p.m. on J. Street. Then he left again.", 12, "He met Dr. Who in St. Albans at 3.15 p.m. on J. Street."},
		{"It was (as said.) Then more words here.", 6, "It was (as said.)"},
		{"“Who?” She left him there. End of it.", 3, "“Who?”"},
		{"The U.S. Army came. It went again.", 5, "The U.S. Army came."},
		{"What is e. g. this. No.", 5, "What is e. g. this."},
	} {
		assert.Equal(t, c.want, firstSentences(c.text, c.most), c.text)
	}
}

// A lead is the beginning of the text, of whole sentences and no more than the
// most words unless a single sentence has more.
func TestLead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var paragraphs []string
		for range rapid.IntRange(1, 5).Draw(r, "paragraphs") {
			var sentences []string
			for _, n := range rapid.SliceOfN(rapid.IntRange(1, 60), 1, 8).Draw(r, "sentences") {
				sentences = append(sentences, "The"+strings.Repeat(" word", n)+".")
			}
			paragraphs = append(paragraphs, strings.Join(sentences, " "))
		}
		text := strings.Join(paragraphs, "\n\n")
		lead, first := leadOf(text, "Title")
		assert.Equal(r, paragraphs[0], first)
		assert.True(r, strings.HasPrefix(text, lead))
		assert.True(r, strings.HasSuffix(lead, "."))
		assert.LessOrEqual(r, len(strings.Fields(lead)), leadMost)
		// The next sentence or paragraph would have been too much.
		rest := strings.TrimPrefix(text, lead)
		next, _, _ := strings.Cut(strings.TrimSpace(rest), ".")
		if strings.HasPrefix(rest, "\n\n") {
			next, _, _ = strings.Cut(rest[2:], "\n\n")
		}
		if rest != "" {
			assert.Greater(r, len(strings.Fields(lead))+len(strings.Fields(next)), leadMost)
		}
	})
}

func TestWithdrawn(t *testing.T) {
	for text, want := range map[string]bool{
		"This paper has been withdrawn by the authors due to an error.": true,
		"Withdrawn by arXiv administrators because of plagiarism.":      true,
		"The submission, as it stood, is now withdrawn.":                true,
		"This article was retracted.":                                   true,
		"This work studies funds. Cash was withdrawn by the customers.": false,
		"We follow patients from whom a drug was withdrawn.":            false,
		"A charged particle is withdrawn from the trap.":                false,
		"This is withdrawn: see a later one.":                           true,
	} {
		assert.Equal(t, want, withdrawn.MatchString(text), text)
	}
}

func TestCleanPrompt(t *testing.T) {
	for prompt, want := range map[string]string{
		"[ WP ] A door .":                 "A door .",
		"[WP]A door.":                     "A door.",
		" [ EU ] [ wp ] A door . [ TT ] ": "A door .",
		"A [ WP ] door":                   "A [ WP ] door",
		"[ Note ] A door":                 "[ Note ] A door",
		"a <newline> <newline> b":         "a\n\nb",
		"[ WP ]":                          "",
	} {
		assert.Equal(t, want, cleanPrompt(prompt), prompt)
	}
}

func TestStoryFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	source := write("train.wp_source", "[ WP ] a\n[ WP ] b\n")
	_, err := mustFind(t, "writingprompts").Files(t.Context(), []string{source})
	require.ErrorContains(t, err, "train.wp_target")

	target := write("train.wp_target.gz", gzipped(t, "A\nB\n"))
	want := `{"instruction":"a","output":"A"}` + "\n" + `{"instruction":"b","output":"B"}` + "\n"
	for _, paths := range [][]string{{source}, {target}, {source, target}, {target, source}, {source, source}} {
		got, f := linesOf(t, "writingprompts", paths...)
		assert.Equal(t, want, got)
		assert.Equal(t, source, f.Input().Name)
		assert.Empty(t, f.Skipped())
	}
	other := write("other.jsonl", object(t, "prompt", "c", "story", "C"))
	assert.Len(t, filesOf(t, "writingprompts", source, other, target), 2)

	write("short.wp_source", "a\nb")
	short := write("short.wp_target", "A\n")
	got, err := converted(t, filesOf(t, "writingprompts", short)[0])
	assert.Equal(t, `{"instruction":"a","output":"A"}`+"\n", got, "what there is")
	assert.ErrorContains(t, err, "short.wp_target ends after line 1 and "+filepath.Join(dir, "short.wp_source")+" goes on")

	write("bytes.wp_source", "a\nb\n")
	bad := write("bytes.wp_target", "A\xff\nB\n")
	got, f := linesOf(t, "writingprompts", bad)
	assert.Equal(t, "\n"+`{"instruction":"b","output":"B"}`+"\n", got)
	assert.Equal(t, map[string]int64{"not valid UTF-8": 1}, skipped(f))
}

// The row of a preference says what ingest reads from the record itself.
func TestPreferenceIsWhatIngestReads(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "preferences.jsonl"))
	require.NoError(t, err)
	got, _ := linesOf(t, "hh-rlhf", filepath.Join("testdata", "preferences.jsonl"))
	rows := strings.Split(got, "\n")
	for i, record := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(rows[i], `{"messages"`) {
			continue
		}
		want, err := ingest.RowHash([]byte(record))
		require.NoError(t, err)
		hash, err := ingest.RowHash([]byte(rows[i]))
		require.NoError(t, err)
		assert.Equal(t, want, hash, record)
		assert.NotContains(t, rows[i], "rejected")
	}
}

func TestFullStop(t *testing.T) {
	assert.Equal(t, "Tell me about Oslo.", fullStop("Tell me about Oslo"))
	assert.Equal(t, "Tell me about Help!", fullStop("Tell me about Help!"))
}

func mustFind(t testing.TB, name string) Source {
	s, err := Find(name)
	require.NoError(t, err)
	return s
}
