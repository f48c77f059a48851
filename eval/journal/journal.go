package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"smelt/compute/fileio"
	"smelt/eval"
	"smelt/eval/tasks"
)

var (
	// ErrInUse says that another process has the journal.
	ErrInUse = errors.New("another process evaluates with this journal")
	// ErrFormat says that the file is no journal, or one that this program does not know.
	ErrFormat = errors.New("a journal of another format")
)

const (
	name    = "smelt answers "
	version = 1
	// FileName is what a journal is called in the folder of an evaluation.
	FileName = "answers.journal"
)

// file is what of *os.File a journal writes to.
type file interface {
	WriteAt(b []byte, at int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Journal is a file of answers. It is for one goroutine.
type Journal struct {
	path     string
	identity [sha256.Size]byte
	file     file
	locked   *os.File // the same
	size     int64    // of what is whole
	answers  map[key]known
	line     []byte
	stats    Stats
}

// Stats count what a journal has done since it was opened.
type Stats struct {
	Read    int // answers and rows that the file had
	Damaged int // lines of it that were skipped
	Known   int // requests that it answered
	Asked   int // requests that it asked a model
}

// Open opens the journal of that path, or begins one, and keeps other processes out until
// Close: for them the error is ErrInUse. The identity names the model and all settings that
// change its answers: answers given under another are not used. A file that is no journal, or a
// newer one, is ErrFormat, and stays as it is.
func Open(path, identity string) (j *Journal, err error) {
	f, err := fileio.OpenLocked(path)
	switch {
	case errors.Is(err, fileio.ErrInUse):
		return nil, fmt.Errorf("%s: %w: wait for it to finish, or end it", path, ErrInUse)
	case err != nil:
		return nil, err
	}
	defer func() {
		if err != nil {
			fileio.Unlock(f)
			err = errors.Join(err, f.Close())
		}
	}()
	text, err := contents(f)
	if err != nil {
		return nil, err
	}
	j = &Journal{path: path, identity: sha256.Sum256([]byte(identity)), file: f, locked: f}
	if err := j.read(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if j.size < int64(len(text)) {
		if err := f.Truncate(j.size); err != nil {
			return nil, err
		}
	}
	if j.size == 0 {
		if err := j.write(fmt.Appendf(nil, "%s%d\n", name, version)); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// contents reads a file, which may be large, into as much memory as it takes.
func contents(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, info.Size())
	_, err = io.ReadFull(f, text)
	return text, err
}

// read takes the whole lines of a file.
func (j *Journal) read(text []byte) error {
	end := bytes.LastIndexByte(text, '\n') + 1
	if end == 0 {
		// Not even its first line was written, or this is another file.
		if !strings.HasPrefix(name+strconv.Itoa(version), string(text)) {
			return fmt.Errorf("%w: it does not begin with %q; give another path", ErrFormat, name)
		}
		j.answers = map[key]known{}
		return nil
	}
	first, lines, _ := bytes.Cut(text[:end], []byte("\n"))
	number, ours := strings.CutPrefix(string(first), name)
	if !ours {
		return fmt.Errorf("%w: it does not begin with %q; give another path", ErrFormat, name)
	}
	if v, err := strconv.Atoi(number); err != nil || v != version {
		return fmt.Errorf("%w: it is of version %s, this program knows %d; use the program that wrote it, or remove the file to ask everything again", ErrFormat, strconv.Quote(number), version)
	}
	j.answers = make(map[key]known, bytes.Count(lines, []byte("\n")))
	for line := range bytes.Lines(lines) {
		k, n, ok := parseLine(line[:len(line)-1])
		if !ok {
			j.stats.Damaged++
			continue
		}
		j.answers[k] = n
		j.stats.Read++
	}
	j.size = int64(end)
	return nil
}

// write appends to the file. If that fails the file is as it was.
func (j *Journal) write(line []byte) error {
	n, err := j.file.WriteAt(line, j.size)
	if err == nil {
		j.size += int64(n)
		return nil
	}
	err = fmt.Errorf("%s: %w: the answers until now are kept; make room and give the same command again", j.path, err)
	return errors.Join(err, j.file.Truncate(j.size))
}

// key is that of a request to the model that the journal is about.
func (j *Journal) key(r *tasks.Request) key {
	return j.keyOf(r.Key())
}

func (j *Journal) keyOf(asked [sha256.Size]byte) key {
	sum := sha256.Sum256(append(j.identity[:len(j.identity):len(j.identity)], asked[:]...))
	return key(sum[:])
}

// Has reports whether the journal knows the answer to r.
func (j *Journal) Has(r tasks.Request) bool {
	_, ok := j.answers[j.key(&r)]
	return ok
}

// Row returns the loss on a row, in nats, and that without the tokens that end an answer, if the journal knows them.
func (j *Journal) Row(row [sha256.Size]byte) (nats, textNats float64, ok bool) {
	n, ok := j.answers[j.keyOf(row)]
	if !ok || n.row == nil {
		return 0, 0, false
	}
	return n.logProb, *n.row, true
}

// PutRow writes what Row returns.
func (j *Journal) PutRow(row [sha256.Size]byte, nats, textNats float64) error {
	k := j.keyOf(row)
	var err error
	if j.line, err = appendRow(j.line[:0], k, nats, textNats); err == nil {
		err = j.write(j.line)
	}
	if err == nil {
		j.answers[k] = known{logProb: nats, row: &textNats}
	}
	return err
}

// Stats are the counts so far.
func (j *Journal) Stats() Stats { return j.stats }

// Close waits until the disk has all answers, and lets other processes have the journal. One
// without answers is removed.
func (j *Journal) Close() error {
	err := j.file.Sync()
	if len(j.answers) == 0 && j.stats.Damaged == 0 {
		fileio.RemoveLocked(j.locked, j.path)
		return err
	}
	fileio.Unlock(j.locked)
	return errors.Join(err, j.file.Close())
}

// Wrap returns a model that answers what the journal knows, asks m the rest, and has each
// answer written before it gives it on. It is for one goroutine, as the journal is.
func (j *Journal) Wrap(m eval.Model) eval.Model { return &model{j, m} }

type model struct {
	journal *Journal
	model   eval.Model
}

func (m *model) Answer(ctx context.Context, requests []tasks.Request, got func(int, tasks.Answer) error) error {
	j := m.journal
	var unknown []tasks.Request
	var keys []key
	var places [][]int // of each unknown request in requests, as equal ones are asked once
	numbers := map[key]int{}
	for i := range requests {
		k := j.key(&requests[i])
		if n, ok := j.answers[k]; ok {
			j.stats.Known++
			if err := got(i, n.answer()); err != nil {
				return err
			}
			continue
		}
		at, again := numbers[k]
		if !again {
			at = len(unknown)
			numbers[k] = at
			unknown, keys, places = append(unknown, requests[i]), append(keys, k), append(places, nil)
		}
		places[at] = append(places[at], i)
	}
	if len(unknown) == 0 {
		return ctx.Err()
	}
	return m.model.Answer(ctx, unknown, func(i int, a tasks.Answer) error {
		if i < 0 || i >= len(unknown) {
			return fmt.Errorf("the model answered request %d of %d", i, len(unknown))
		}
		var err error
		if j.line, err = appendLine(j.line[:0], keys[i], unknown[i].Kind, &a); err == nil {
			err = j.write(j.line)
		}
		if err != nil {
			return err
		}
		n := known{logProb: a.LogProb, greedy: a.Greedy, cut: a.Cut}
		if unknown[i].Kind == tasks.Generate {
			n = known{text: &a.Text, end: a.End, cut: a.Cut}
		}
		j.answers[keys[i]] = n
		j.stats.Asked++
		for _, at := range places[i] {
			if err := got(at, n.answer()); err != nil {
				return err
			}
		}
		return nil
	})
}
