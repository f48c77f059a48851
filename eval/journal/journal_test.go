package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/eval"
	"smelt/eval/tasks"
)

// fake gives the answers it has, by context, in the order of requests.
type fake struct {
	answers map[string]tasks.Answer
	asked   []string
	after   int // answers before it fails; 0 is never
}

var errFake = errors.New("the model is gone")

func (f *fake) Answer(_ context.Context, requests []tasks.Request, got func(int, tasks.Answer) error) error {
	for i, r := range requests {
		if f.after > 0 && i == f.after {
			return errFake
		}
		f.asked = append(f.asked, r.Context)
		if err := got(i, f.answers[r.Context]); err != nil {
			return err
		}
	}
	return nil
}

// ask has m answer, and checks that each request is answered once.
func ask(t require.TestingT, m eval.Model, requests []tasks.Request) ([]tasks.Answer, error) {
	answers := make([]tasks.Answer, len(requests))
	there := make([]bool, len(requests))
	err := m.Answer(context.Background(), requests, func(i int, a tasks.Answer) error {
		require.False(t, there[i])
		answers[i], there[i] = a, true
		return nil
	})
	if err == nil {
		require.NotContains(t, there, false)
	}
	return answers, err
}

func open(t require.TestingT, path string) *Journal {
	j, err := Open(path, "model")
	require.NoError(t, err)
	return j
}

func generate(context string) tasks.Request {
	return tasks.Request{Kind: tasks.Generate, Context: context}
}

// some are three answers and their requests.
func some() (*fake, []tasks.Request) {
	return &fake{answers: map[string]tasks.Answer{
			"a": {LogProb: -1.0 / 3, Greedy: true},
			"b": {Text: "say \"4\"\n\x00\xff\u2028", End: tasks.Stop, Cut: true},
			"c": {LogProb: math.Inf(-1), Cut: true},
		}},
		[]tasks.Request{{Context: "a"}, generate("b"), {Context: "c"}}
}

func TestAnswersAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	model, requests := some()
	j := open(t, path)
	assert.False(t, j.Has(requests[1]))
	want, err := ask(t, j.Wrap(model), append(requests, requests[0]))
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c"}, model.asked, "equal requests are asked once")
	assert.Equal(t, model.answers["b"], want[1])
	assert.Equal(t, want[0], want[3])
	assert.Equal(t, Stats{Asked: 3}, j.Stats())
	assert.True(t, j.Has(requests[1]))
	require.NoError(t, j.Close())

	j = open(t, path)
	again, err := ask(t, j.Wrap(nil), requests) // which asks no model
	require.NoError(t, err)
	assert.Equal(t, want[:3], again)
	assert.Equal(t, Stats{Read: 3, Known: 3}, j.Stats())
	require.NoError(t, j.Close())

	other, err := Open(path, "another model")
	require.NoError(t, err)
	assert.False(t, other.Has(requests[0]))
	require.NoError(t, other.Close())
}

func TestFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	model, requests := some()
	j := open(t, path)
	_, err := ask(t, j.Wrap(model), requests)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "smelt answers 1\n"+
		"9e316689e918f860ab20e48163c45c87 d3c55c89 L g -0.3333333333333333\n"+
		`41ae583e423b968982a19d6f5f64f538 f73ae356 G sc "say \"4\"\n\x00\xff\u2028"`+"\n"+
		"f0324d70e44ade5901da5e17e18728fb e633a4c6 L c -Inf\n", string(text))
}

// What rows came to is kept beside answers, to the last bit.
func TestRowsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	j := open(t, path)
	row, other := [32]byte{1}, [32]byte{2}
	_, _, ok := j.Row(row)
	assert.False(t, ok)
	require.NoError(t, j.PutRow(row, 215.0625, 2.0/3))
	require.NoError(t, j.PutRow(other, math.Inf(1), 0))
	require.ErrorContains(t, j.PutRow([32]byte{3}, math.NaN(), 0), "not a number")
	require.NoError(t, j.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Regexp(t, `^smelt answers 1\n[0-9a-f]{32} [0-9a-f]{8} R 215\.0625 0\.6666666666666666\n[0-9a-f]{32} [0-9a-f]{8} R \+Inf 0\n$`, string(text))

	j = open(t, path)
	nats, textNats, ok := j.Row(row)
	assert.True(t, ok)
	assert.Equal(t, [2]float64{215.0625, 2.0 / 3}, [2]float64{nats, textNats})
	nats, _, ok = j.Row(other)
	assert.True(t, ok)
	assert.True(t, math.IsInf(nats, 1))
	assert.Equal(t, Stats{Read: 2}, j.Stats())
	require.NoError(t, j.Close())

	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("215"), []byte("216"), 1), 0o666))
	j = open(t, path)
	_, _, ok = j.Row(row)
	assert.False(t, ok, "damaged")
	assert.Equal(t, Stats{Read: 1, Damaged: 1}, j.Stats())
	require.NoError(t, j.Close())
}

// A journal without answers leaves no file, and who comes while it is removed has one of his own.
func TestEmptyJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	require.NoError(t, open(t, path).Close())
	assert.NoFileExists(t, path)
	j := open(t, path)
	require.NoError(t, os.Remove(path)) // as an older one that is closed
	other := open(t, path)
	require.NoError(t, other.PutRow([32]byte{1}, 1, 1))
	require.NoError(t, other.Close())
	require.NoError(t, j.PutRow([32]byte{2}, 2, 2))
	require.NoError(t, j.Close())
	j = open(t, path)
	_, _, ok := j.Row([32]byte{1})
	assert.True(t, ok)
	require.NoError(t, j.Close())
}

// Whatever a model says is read as it was written.
func TestLinesAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k key
		copy(k[:], rapid.SliceOfN(rapid.Byte(), len(k), len(k)).Draw(t, "key"))
		a := tasks.Answer{Cut: rapid.Bool().Draw(t, "cut")}
		kind := rapid.SampledFrom([]tasks.Kind{tasks.LogLikelihood, tasks.Generate}).Draw(t, "kind")
		if kind == tasks.Generate {
			a.Text = string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
			a.End = rapid.SampledFrom([]tasks.End{"", tasks.EndOfText, tasks.Stop, tasks.TooLong}).Draw(t, "end")
		} else {
			a.LogProb = -math.Abs(math.Float64frombits(rapid.Uint64().Draw(t, "bits")))
			if math.IsNaN(a.LogProb) {
				a.LogProb = math.Copysign(0, -1)
			}
			a.Greedy = rapid.Bool().Draw(t, "greedy")
		}
		line, err := appendLine([]byte("before"), k, kind, &a)
		require.NoError(t, err)
		line = line[len("before"):]
		require.Equal(t, 1, bytes.Count(line, []byte("\n")))
		gotKey, n, ok := parseLine(line[:len(line)-1])
		require.True(t, ok, "%q", line)
		require.Equal(t, k, gotKey)
		require.Equal(t, a, n.answer())
		require.Equal(t, math.Float64bits(a.LogProb), math.Float64bits(n.answer().LogProb))

		// And no damage to one byte goes unseen.
		damaged := bytes.Clone(line[:len(line)-1])
		damaged[rapid.IntRange(0, len(damaged)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		if _, _, ok := parseLine(damaged); ok {
			// Digits in capitals mean the same.
			require.Equal(t, string(line[:len(line)-1]), strings.ToLower(string(damaged[:bodyStart]))+string(damaged[bodyStart:]))
		}
	})
}

func TestUnwritableAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	j := open(t, path)
	_, err := ask(t, j.Wrap(&fake{answers: map[string]tasks.Answer{"a": {LogProb: math.NaN()}}}), []tasks.Request{{Context: "a"}})
	assert.ErrorContains(t, err, "not a number")
	_, err = ask(t, j.Wrap(&fake{answers: map[string]tasks.Answer{"a": {End: "odd"}}}), []tasks.Request{generate("a")})
	assert.ErrorContains(t, err, `ended by "odd"`)
	require.NoError(t, j.Close())
	j = open(t, path)
	assert.Zero(t, j.Stats().Read)
	require.NoError(t, j.Close())
}

// A file cut off or damaged anywhere costs the answers there, and no others.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	model, requests := some()
	j := open(t, path)
	want, err := ask(t, j.Wrap(model), requests)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	head := len("smelt answers 1\n")

	check := func(text []byte, read, damaged int) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, text, 0o600))
		j := open(t, path)
		require.Equal(t, read, j.Stats().Read)
		require.Equal(t, damaged, j.Stats().Damaged)
		model, _ := some()
		got, err := ask(t, j.Wrap(model), requests)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Len(t, model.asked, 3-read)
		require.NoError(t, j.Close())
		j = open(t, path)
		require.Equal(t, 3, j.Stats().Read)
		require.Equal(t, damaged, j.Stats().Damaged)
		require.NoError(t, j.Close())
	}
	for size := range whole { // cut off: killed, or the disk was full
		check(whole[:size], max(0, bytes.Count(whole[:size], []byte("\n"))-1), 0)
	}
	for at := head; at < len(whole)-1; at += 3 { // a byte is another
		text := bytes.Clone(whole)
		text[at] ^= 0x80
		lost := 1
		if whole[at] == '\n' {
			lost = 2
		}
		check(text, 3-lost, 1)
	}
	text := bytes.Clone(whole)
	text[head+40] = '\n'
	check(text, 2, 2)
	check(append(bytes.Clone(whole), make([]byte, 512)...), 3, 0) // zeros, as some file systems leave after a crash
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	for _, c := range []struct{ text, want string }{
		{"smelt answers 2\n", `version "2", this program knows 1`},
		{"smelt answers 2\nanything", `version "2"`},
		{"smelt answers one\n", `version "one"`},
		{"my diary", "does not begin"},
		{"my diary\nof a year\n", "does not begin"},
		{"\x00", "does not begin"},
	} {
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
		_, err := Open(path, "model")
		require.ErrorIs(t, err, ErrFormat, c.text)
		assert.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, path)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, c.text, string(text), "it is left as it is")
	}
	_, err := Open(filepath.Join(path, "below a file"), "model")
	assert.Error(t, err)
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	j := open(t, path)
	_, err := Open(path, "model")
	assert.ErrorIs(t, err, ErrInUse)
	assert.ErrorContains(t, err, path+": another process evaluates with this journal: wait for it to finish, or end it")
	require.NoError(t, j.Close())
	require.NoError(t, open(t, path).Close())
}

// full is a file on a disk with so much room.
type full struct {
	file
	room int64
}

func (f *full) WriteAt(b []byte, at int64) (int, error) {
	if left := f.room - at; int64(len(b)) > left {
		n, err := f.file.WriteAt(b[:max(0, left)], at)
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.file.WriteAt(b, at)
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	model, requests := some()
	j := open(t, path)
	j.file = &full{j.file, 150}
	_, err := ask(t, j.Wrap(model), requests)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.ErrorContains(t, err, "the answers until now are kept")
	assert.Equal(t, []string{"a", "b"}, model.asked)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(string(text), "\n"), "no torn line is left")
	j.file.(*full).room = 1 << 20
	answers, err := ask(t, j.Wrap(model), requests)
	require.NoError(t, err)
	require.NoError(t, j.Close())

	j = open(t, path)
	assert.Equal(t, Stats{Read: 3}, j.Stats())
	again, err := ask(t, j.Wrap(nil), requests)
	require.NoError(t, err)
	assert.Equal(t, answers, again)
	require.NoError(t, j.Close())
}

// What a model said before it failed, or before who asks had enough, is kept.
func TestErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	model, requests := some()
	j := open(t, path)
	model.after = 1
	_, err := ask(t, j.Wrap(model), requests)
	require.ErrorIs(t, err, errFake)
	model.after = 0
	enough := errors.New("enough")
	count := 0
	err = j.Wrap(model).Answer(context.Background(), requests, func(int, tasks.Answer) error {
		if count++; count == 2 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	assert.Equal(t, Stats{Known: 1, Asked: 2}, j.Stats())
	require.ErrorIs(t, j.Wrap(model).Answer(context.Background(), requests[:1], func(int, tasks.Answer) error { return enough }), enough)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, j.Wrap(nil).Answer(ctx, requests[:1], func(int, tasks.Answer) error { return nil }), context.Canceled)
	require.NoError(t, j.Close())
	j = open(t, path)
	assert.Equal(t, 2, j.Stats().Read)
	require.NoError(t, j.Close())
}

func FuzzOpen(f *testing.F) {
	model, requests := some()
	path := filepath.Join(f.TempDir(), FileName)
	j := open(f, path)
	_, err := ask(f, j.Wrap(model), requests)
	require.NoError(f, err)
	require.NoError(f, j.Close())
	whole, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, text []byte) {
		j := &Journal{}
		if err := j.read(text); err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		require.LessOrEqual(t, j.size, int64(len(text)))
		require.LessOrEqual(t, len(j.answers), j.stats.Read)
		require.Equal(t, max(0, bytes.Count(text, []byte("\n"))-1), j.stats.Read+j.stats.Damaged)
	})
}

// The time to open a journal of a million answers.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), FileName)
	j := open(b, path)
	var text []byte
	for i := range 1_000_000 {
		r := tasks.Request{Context: fmt.Sprint(i)}
		var err error
		text, err = appendLine(text, j.key(&r), tasks.LogLikelihood, &tasks.Answer{LogProb: -float64(i) / 3})
		require.NoError(b, err)
	}
	require.NoError(b, j.write(text))
	require.NoError(b, j.Close())
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		require.NoError(b, open(b, path).Close())
	}
}
