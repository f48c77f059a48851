package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecoding(t *testing.T) {
	want := examples(0, 40)
	plain := []byte(strings.Join(want, "\n") + "\n")
	half := len(strings.Join(want[:20], "\n")) + 1
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
	for name, content := range map[string][]byte{
		"plain":                 plain,
		"no last line break":    plain[:len(plain)-1],
		"CRLF":                  bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
		"byte order mark":       append([]byte("\xef\xbb\xbf"), plain...),
		"white space":           []byte("\n \t\r\n  " + strings.Join(want, " \t\r\n\n\t") + "   "),
		"gzip":                  gz(t, plain),
		"gzip members":          gz(t, plain[:half], nil, plain[half:]),
		"zstd":                  zst(t, plain),
		"zstd frames":           zst(t, plain[:half], plain[half:]),
		"zstd, skippable frame": append(skippable, zst(t, plain)...),
		"gzip, byte order mark": gz(t, append([]byte("\xef\xbb\xbf"), plain...)),
	} {
		t.Run(name, func(t *testing.T) {
			d := newStore(t)
			sum := mustRun(t, d, inCode, bytesInput("some.txt", content))
			assert.Equal(t, want, records(storedRows(t, d)))
			assert.EqualValues(t, len(want), sum.Rows)
			assert.Zero(t, sum.Rejected)
			requireWhole(t, d)

			d = newStore(t)
			sum = mustRun(t, d, inCode, StreamInput("-", iotest.OneByteReader(bytes.NewReader(content))))
			assert.Equal(t, want, records(storedRows(t, d)), "as a stream")
			assert.EqualValues(t, len(want), sum.Rows)
		})
	}
}

func TestEmptyInputs(t *testing.T) {
	d := newStore(t)
	for name, content := range map[string]string{"empty": "", "blank": " \n\r\n", "only a mark": "\xef\xbb\xbf"} {
		sum := mustRun(t, d, inCode, bytesInput(name, []byte(content)))
		assert.Zero(t, sum.Rows+sum.Rejected)
		sum = mustRun(t, d, inCode, bytesInput(name, []byte(content)))
		assert.True(t, sum.Files[0].Already)
	}
	requireWhole(t, d)
}

func TestUnreadableInputs(t *testing.T) {
	d := newStore(t)
	good := textInput("good", examples(0, 3)...)
	failing := Input{Name: "gone", Size: -1, Open: func() (io.ReadCloser, error) { return nil, errors.New("it is gone") }}
	utf16 := bytesInput("utf16", []byte("\xff\xfe{\x00}\x00"))
	broken := bytesInput("broken", []byte("\x1f\x8b nothing of the kind"))
	sum, err := Run(context.Background(), d, []Input{failing, utf16, good, broken}, inCode)
	require.ErrorContains(t, err, "gone: it is gone")
	require.ErrorContains(t, err, "utf16: this is UTF-16 (or UTF-32) text; only UTF-8 is read")
	require.ErrorContains(t, err, "broken: the gzip stream is damaged after byte 0 of its content")
	assert.EqualValues(t, 3, sum.Rows)
	assert.Error(t, sum.Files[0].Err)
	assert.NoError(t, sum.Files[2].Err)
	assert.Len(t, ledgerOf(t, d), 1, "what cannot be read leaves no trace")
	requireWhole(t, d)
	mustRun(t, d, inCode, textInput("next", examples(10, 13)...))
	requireWhole(t, d)
}

// What comes before the damage is stored, and the whole file completes it.
func TestDamagedStreams(t *testing.T) {
	want := examples(0, 3000)
	plain := []byte(strings.Join(want, "\n") + "\n")
	small := Options{Bucket: "code", SegmentRows: 100, CommitBytes: 1 << 10}
	for name, whole := range map[string][]byte{"gzip": gz(t, plain), "zstd": zst(t, plain[:len(plain)/3], plain[len(plain)/3:])} {
		for _, cut := range []int{5, 200, len(whole) / 2, len(whole) - 1} {
			t.Run(fmt.Sprint(name, cut), func(t *testing.T) {
				d := newStore(t)
				sum, err := Run(context.Background(), d, []Input{bytesInput("x", whole[:cut]), textInput("y", example(5000))}, small)
				require.ErrorContains(t, err, "x: the "+name+" stream")
				rows := records(storedRows(t, d))
				n := len(rows) - 1
				assert.Equal(t, want[:n], rows[:n])
				assert.Equal(t, example(5000), rows[n])
				assert.EqualValues(t, n, sum.Files[0].Rows)
				requireWhole(t, d)

				_, err = Run(context.Background(), d, []Input{bytesInput("x", whole[:cut])}, small)
				require.Error(t, err)
				assert.Len(t, storedRows(t, d), n+1, "the damaged file again adds nothing")

				sum = mustRun(t, d, small, bytesInput("x", whole))
				assert.Equal(t, n > 0, sum.Files[0].Resumed)
				assert.EqualValues(t, n, sum.Files[0].AlreadyStored)
				rows = records(storedRows(t, d))
				assert.Equal(t, want, append(rows[:n:n], rows[n+1:]...))
				requireWhole(t, d)
			})
		}
	}
}

func TestFailingRead(t *testing.T) {
	d := newStore(t)
	text := strings.Join(examples(0, 100), "\n")
	_, err := Run(context.Background(), d, []Input{StreamInput("-", io.MultiReader(strings.NewReader(text), iotest.ErrReader(errors.New("cable pulled"))))}, inCode)
	require.ErrorContains(t, err, "-: reading failed after byte")
	require.ErrorContains(t, err, "cable pulled")
	assert.Equal(t, examples(0, 99), records(storedRows(t, d)), "the last line may be a part of one")
}

func TestFileInput(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "a.jsonl"), []byte(example(0)))
	in, err := FileInput(path)
	require.NoError(t, err)
	assert.EqualValues(t, len(example(0)), in.Size)
	assert.False(t, in.Stream)
	d := newStore(t)
	mustRun(t, d, inCode, in)
	assert.Equal(t, map[string]int{`"a.jsonl"`: 1}, counted(t, d, fieldSource))

	_, err = FileInput(dir)
	require.ErrorContains(t, err, "is a directory; name the files in it")
	_, err = FileInput(filepath.Join(dir, "none"))
	require.ErrorContains(t, err, "there is no such file")
	in, err = FileInput(os.DevNull)
	require.NoError(t, err)
	assert.True(t, in.Stream)
}

// The scanner's lines are bytes.Split's, whatever the reads and limits are.
func TestScanner(t *testing.T) {
	text := []byte("a\n\nbb\r\n" + strings.Repeat("c", 700) + "\n" + strings.Repeat("dd\n", 50) + strings.Repeat("e", 90) + "\nf")
	for _, maxLine := range []int{1, 2, 50, 89, 90, 1000} {
		for name, src := range map[string]io.Reader{
			"whole": bytes.NewReader(text), "bytes": iotest.OneByteReader(bytes.NewReader(text)),
			"with EOF": iotest.DataErrReader(bytes.NewReader(text)),
		} {
			var s scanner
			s.reset(src, maxLine)
			var got [][]byte
			for {
				lines, long, err := s.next()
				if err != nil {
					require.ErrorIs(t, err, io.EOF)
					break
				}
				if long != nil {
					assert.EqualValues(t, s.lines, long.line)
					got = append(got, text[long.offset:long.offset+long.length])
					assert.Greater(t, long.length, int64(maxLine), name)
					assert.True(t, bytes.HasPrefix(text[long.offset:], long.text))
					continue
				}
				one, _, _ := bytes.Cut(lines, []byte{'\n'})
				got = append(got, bytes.Clone(one))
				s.take(min(len(one)+1, len(lines)), 1)
			}
			assert.Equal(t, bytes.Split(text, []byte{'\n'}), got, "%s, %d", name, maxLine)
			assert.EqualValues(t, len(got), s.lines)
			assert.EqualValues(t, len(text), s.offset)
		}
	}
}
