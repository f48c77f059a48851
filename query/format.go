package query

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Format is how rows are written to a file or stream.
type Format uint8

// The formats. A gz or zst is one stream, since widely used readers of
// Zstandard stop after the first frame of a file.
const (
	// JSONL is one JSON object a line.
	JSONL Format = iota
	JSONLGzip
	JSONLZstd
	// CSV has a header of every field that any row has (RFC 4180). Text stands
	// as it is, other values as JSON; what a row lacks is empty.
	CSV
	CSVGzip
	CSVZstd
	// Parquet and Arrow (an IPC file) have the columns that columns.go describes.
	Parquet
	Arrow
)

// formatNames are the formats as people write them, which for a file's name are
// endings.
var formatNames = [...]string{
	JSONL: "jsonl", JSONLGzip: "jsonl.gz", JSONLZstd: "jsonl.zst",
	CSV: "csv", CSVGzip: "csv.gz", CSVZstd: "csv.zst",
	Parquet: "parquet", Arrow: "arrow",
}

func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("format %d", uint8(f))
}

// isTable reports whether the format has typed columns.
func (f Format) isTable() bool { return f == Parquet || f == Arrow }

// FormatNames lists the formats as people write them.
func FormatNames() []string { return slices.Clone(formatNames[:]) }

// FormatOf is the format of a file by the ending of its name, in any case: JSONL
// where it says nothing; what promises another format is refused. A name ending in .gz or .zst alone is packed JSONL.
// A format that is given by name goes before the ending, except that what is
// packed stays packed: jsonl in mix.csv.gz is JSONLGzip.
func FormatOf(path, name string) (Format, error) {
	path = strings.ToLower(path)
	packed := ""
	for _, end := range []string{".gz", ".zst"} {
		if strings.HasSuffix(path, end) {
			packed = end
		}
	}
	if name != "" {
		for _, full := range []string{name + packed, name} {
			if i := slices.Index(formatNames[:], full); i >= 0 {
				return Format(i), nil
			}
		}
		return 0, fmt.Errorf("there is no format %q to write rows in; there are %s", name, strings.Join(formatNames[:], ", "))
	}
	for i, ending := range formatNames {
		if strings.HasSuffix(path, "."+ending) {
			return Format(i), nil
		}
	}
	switch {
	case packed == ".gz":
		return JSONLGzip, nil
	case packed == ".zst":
		return JSONLZstd, nil
	case strings.HasSuffix(path, ".bz2"), strings.HasSuffix(path, ".xz"):
		return 0, fmt.Errorf("%s: rows are packed with gzip or Zstandard; let the name end in .gz or .zst", path)
	}
	switch end := filepath.Ext(path); end {
	case ".tsv", ".xlsx", ".xls", ".ods", ".feather", ".orc", ".avro", ".db", ".sqlite", ".yaml", ".yml", ".xml":
		return 0, fmt.Errorf("%s: rows are not written as %s; there are %s, which --format names", path, end[1:], strings.Join(formatNames[:], ", "))
	}
	return JSONL, nil
}
