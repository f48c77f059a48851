package ingest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// crashChild, when set, makes the test binary ingest into the store it names,
// in chunks and commits small enough to be killed between any two.
const crashChild = "SMELT_CRASH_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChild); dir != "" {
		if err := ingestInChild(dir, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ingestInChild(dir string, paths []string) error {
	d, err := db.Open(dir, db.Options{Create: true})
	if err != nil {
		return err
	}
	var inputs []Input
	for _, p := range paths {
		in, err := FileInput(p)
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	// Each line tells the parent that one more chunk has been taken.
	fmt.Println("open")
	_, err = Run(context.Background(), d, inputs, Options{
		Bucket: "code", Threads: 2, SegmentRows: 40, CommitBytes: 12 << 10,
		Progress: func(p Progress) { fmt.Println(p.Bytes) },
	})
	if err != nil {
		return err
	}
	return d.Close()
}

// crashFile is a file to ingest and what must become of its lines.
type crashFile struct {
	path    string
	content []byte   // unpacked and converted
	lines   []string // "" where a line is a reject
}

func makeCrashFiles(t *testing.T, dir string) []crashFile {
	t.Helper()
	files := make([]crashFile, 3)
	n := 0
	for i, size := range []int{900, 300, 600} {
		f := &files[i]
		var text []string
		for range size {
			n++
			good := example(n)
			text, f.lines = append(text, good), append(f.lines, good)
			if n%37 == 0 {
				text, f.lines = append(text, `"bad `+strconv.Itoa(n)+`"`), append(f.lines, "")
			}
		}
		f.content = join(text)
		onDisk := f.content
		f.path = filepath.Join(dir, fmt.Sprintf("%d.jsonl", i))
		switch i {
		case 1:
			onDisk = gz(t, f.content)
		case 2:
			onDisk = arrayOf(text)
		}
		writeFile(t, f.path, onDisk)
	}
	return files
}

// Killed at random moments, the store always holds the rows of the first lines
// of the files, as many as its ledger says, and the same command again goes on
// from there until every row is there once.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts and kills a hundred processes")
	}
	const kills = 50
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	files := makeCrashFiles(t, t.TempDir())
	killed, completed, cutShort := 0, 0, 0
	for killed < kills {
		dir := filepath.Join(t.TempDir(), "store")
		for {
			// Most children are killed between two commits, some while they make
			// the store, and one that is let through completes it.
			patience, wait := rng.IntN(30), time.Duration(rng.IntN(1<<(1+rng.IntN(21))))
			switch rng.IntN(20) {
			case 0, 1, 2, 3:
				patience, wait = 0, time.Duration(rng.IntN(30_000_000))
			case 4:
				patience = 1 << 30
			}
			finished := runChild(t, dir, files, patience, wait)
			done, partly := checkAfterCrash(t, dir, files)
			if partly {
				cutShort++
			}
			if finished {
				require.True(t, done)
				break
			}
			killed++
		}
		rejects, err := filepath.Glob(filepath.Join(dir, "rejects", "*.jsonl"))
		require.NoError(t, err)
		require.Len(t, rejects, len(files), "a file for each, also if the ingest was killed just before")
		completed++
	}
	t.Logf("%d children killed, %d of them in the middle of a file; %d stores completed", killed, cutShort, completed)
	assert.Positive(t, cutShort)
}

// runChild starts an ingest and kills it some time after it has reported so
// many chunks. It reports whether the ingest was through before that.
func runChild(t *testing.T, dir string, files []crashFile, patience int, wait time.Duration) (finished bool) {
	t.Helper()
	var args []string
	for _, f := range files {
		args = append(args, f.path)
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), crashChild+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	reports := bufio.NewScanner(stdout)
	for range patience {
		if !reports.Scan() {
			require.NoError(t, cmd.Wait(), stderr.String())
			return true
		}
	}
	for end := time.Now().Add(wait); time.Now().Before(end); {
	}
	_ = cmd.Process.Kill()
	for reports.Scan() {
	}
	err = cmd.Wait()
	if err != nil {
		require.Empty(t, stderr.String())
	}
	return err == nil
}

// checkAfterCrash opens the store and compares it with its ledger. done: every
// file is complete; partly: one was cut short.
func checkAfterCrash(t *testing.T, dir string, files []crashFile) (done, partly bool) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err != nil {
		return false, false // killed before there was a store
	}
	d, err := db.Open(dir, db.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	requireWhole(t, d)

	var want []stored
	entries := ledgerOf(t, d)
	require.LessOrEqual(t, len(entries), len(files))
	done = len(entries) == len(files)
	for i, e := range entries {
		f := files[i]
		require.Equal(t, f.path, e.Name)
		require.LessOrEqual(t, e.Lines, uint64(len(f.lines)))
		sum := sha256.Sum256(f.content[:e.Offset])
		require.Equal(t, hex.EncodeToString(sum[:]), e.Prefix)
		require.EqualValues(t, strings.Count(string(f.content[:e.Offset]), "\n"), e.Lines)
		if i+1 < len(entries) {
			require.True(t, e.Complete, "only the last file can be cut short")
		}
		if !e.Complete {
			done, partly = false, true
		}
		var rejects []uint64
		for j, line := range f.lines[:e.Lines] {
			if line == "" {
				rejects = append(rejects, uint64(j+1))
				continue
			}
			want = append(want, stored{record: line, origin: db.Origin{File: e.ID, Line: uint64(j + 1)}})
		}
		var kept []uint64
		for _, r := range rejectsOf(t, d, e.ID) {
			kept = append(kept, r.Line)
		}
		require.Equal(t, rejects, kept)
	}
	got := storedRows(t, d)
	for i := range got {
		hash, err := RowHash([]byte(got[i].record))
		require.NoError(t, err)
		require.Equal(t, hash, got[i].hash)
		require.NotEmpty(t, got[i].bucket)
		got[i] = stored{record: got[i].record, origin: got[i].origin}
	}
	require.Equal(t, len(want), len(got))
	for i := range want {
		require.Equal(t, want[i], got[i], "row %d", i)
	}
	return done, partly
}
