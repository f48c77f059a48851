package tokenizer_test

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/compute/tokenizer"
)

// TestReal compares the ids of every document of a folder of data with those that testdata/record_real.py
// recorded. SMELT_DATA is that folder; SMELT_MODELS has, below tokenizers, what the script wrote to OUT.
func TestReal(t *testing.T) {
	data, models := os.Getenv("SMELT_DATA"), os.Getenv("SMELT_MODELS")
	if data == "" || models == "" {
		t.Skip("SMELT_DATA and SMELT_MODELS do not name the folders of data and of models")
	}
	var record map[string]map[string]string
	readJSON(t, "testdata/real.json", &record)
	for family, files := range record {
		t.Run(family, func(t *testing.T) {
			raw := tokenizerFile(t, models, family)
			tok, err := tokenizer.Parse(raw, nil)
			require.NoError(t, err)
			for name, want := range files {
				texts := hostile(t)
				if name != "hostile" {
					texts = documents(t, filepath.Join(data, filepath.FromSlash(name)))
				}
				h := sha256.New()
				var ids []int32
				var packed []byte
				for _, text := range texts {
					ids = append(tok.Encode(ids[:0], text, tokenizer.Options{Special: true}), -1)
					packed, _ = binary.Append(packed[:0], binary.LittleEndian, ids)
					h.Write(packed)
				}
				if got := hex.EncodeToString(h.Sum(nil)); got != want {
					t.Errorf("%s: the ids of %d documents have the hash %s, not %s", name, len(texts), got, want)
				}
			}
		})
	}
}

// tokenizerFile reads a tokenizer.json that record_real.py wrote, or skips the test if it is not there.
func tokenizerFile(t *testing.T, models, family string) []byte {
	t.Helper()
	path := filepath.Join("tokenizers", family+".json")
	raw, err := os.ReadFile(filepath.Join(models, path))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SMELT_MODELS has no %s", path)
	}
	require.NoError(t, err)
	return raw
}

func readJSON(t testing.TB, name string, to any) {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, to))
}

// hostile returns the texts of testdata/hostile.json, whose characters stand for bytes.
func hostile(t testing.TB) []string {
	t.Helper()
	var texts []string
	readJSON(t, "testdata/hostile.json", &texts)
	for i, s := range texts {
		var b []byte
		for _, r := range s {
			b = append(b, byte(r))
		}
		texts[i] = string(b)
	}
	return texts
}

// documents returns the texts of one file as testdata/texts.py does.
func documents(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	switch filepath.Ext(path) {
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(data))
		require.NoError(t, err)
		data, err = io.ReadAll(r)
		require.NoError(t, err)
	case ".bz2":
		data, err = io.ReadAll(bzip2.NewReader(bytes.NewReader(data)))
		require.NoError(t, err)
	}
	name := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".bz2")
	var texts []string
	lines := strings.Split(string(data), "\n")
	switch ext := filepath.Ext(name); {
	case ext == ".json" && jsontext.Check(data) == nil:
		texts = appendStrings(texts, data)
	case ext == ".json" || ext == ".jsonl":
		for _, line := range lines {
			if strings.TrimSpace(line) != "" {
				texts = appendStrings(texts, []byte(line))
			}
		}
	case ext == ".csv":
		rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		require.NoError(t, err)
		for _, row := range rows {
			texts = append(texts, row...)
		}
	default:
		texts = lines
		for piece := range slices.Chunk(data, 4096) {
			texts = append(texts, string(piece))
		}
	}
	return texts
}

// appendStrings appends the strings of an accepted JSON value but its keys, in order.
func appendStrings(texts []string, raw []byte) []string {
	raw = bytes.TrimSpace(raw)
	switch jsontext.KindOf(raw) {
	case jsontext.String:
		texts = append(texts, string(jsontext.AppendUnquoted(nil, raw)))
	case jsontext.Array:
		for _, element := range jsontext.Elements(raw, nil) {
			texts = appendStrings(texts, element)
		}
	case jsontext.KindObject:
		for _, f := range jsontext.Members(raw, nil) {
			texts = appendStrings(texts, f.Value)
		}
	}
	return texts
}
