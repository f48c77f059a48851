package query

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"smelt/compute/jsontext"
)

// naiveRow is a row and what the definition looks at.
type naiveRow struct {
	record string
	fields map[string]any // nil, bool, *big.Rat or string; absent fields are not in it
	bucket string         // empty: none
	hash   [32]byte
	canon  [32]byte // SHA-256 of the canonical record
	text   [32]byte // SHA-256 of the record as written

	deleted bool
	changed bool // fields may say something else than record
}

func newNaiveRow(record string) naiveRow {
	d := json.NewDecoder(strings.NewReader(record))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		panic(err)
	}
	for name, v := range fields {
		if n, isNumber := v.(json.Number); isNumber {
			fields[name], _ = new(big.Rat).SetString(n.String())
		}
	}
	r := naiveRow{record: record, fields: fields}
	r.bucket, _ = fields["_bucket"].(string)
	text := func(name string) string {
		s, _ := fields[name].(string)
		var out strings.Builder
		for _, c := range []byte(s) {
			switch c {
			case 0x1B:
				out.WriteString("\x1B\x30")
			case 0x1E:
				out.WriteString("\x1B\x31")
			case 0x1F:
				out.WriteString("\x1B\x32")
			default:
				out.WriteByte(c)
			}
		}
		return out.String()
	}
	r.hash = sha256.Sum256([]byte(text("instruction") + "\x1F" + text("input") + "\x1F" + text("output")))
	r.text = sha256.Sum256([]byte(record))
	r.canon = sha256.Sum256(jsontext.AppendCanonical(nil, []byte(record)))
	return r
}

var naiveP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 61), big.NewInt(1))

func naiveRank(tag string, hash [32]byte) *big.Int {
	d := sha256.Sum256([]byte(tag))
	first := new(big.Int).SetUint64(binary.BigEndian.Uint64(d[0:8]))
	a := first.Mod(first, new(big.Int).Sub(naiveP, big.NewInt(1)))
	a.Add(a, big.NewInt(1))
	b := new(big.Int).SetUint64(binary.BigEndian.Uint64(d[8:16]))
	h, _ := new(big.Int).SetString(hex.EncodeToString(hash[:])[:15], 16)
	a.Mul(a, h).Add(a, b)
	return a.Mod(a, naiveP)
}

// marked reports whether the row has a mark of an evaluation.
func (r naiveRow) marked(name string) bool {
	mark := r.fields["_contaminated_by"]
	if name == "any" {
		return mark != nil
	}
	text, _ := mark.(string)
	return regexp.MustCompile(`(^|,)` + name + `:[0-9]+(,[^,:]+:[0-9]+)*$`).MatchString(text)
}

// metaK is the member meta.k.
func (r naiveRow) metaK() any {
	meta, _ := r.fields["meta"].(map[string]any)
	if n, isNumber := meta["k"].(json.Number); isNumber {
		v, _ := new(big.Rat).SetString(n.String())
		return v
	}
	return meta["k"]
}

// plain is what a record says, its NULLs left out.
func (r naiveRow) plain() string {
	var parts []string
	for name, v := range r.fields {
		switch v := v.(type) {
		case nil:
		case *big.Rat:
			parts = append(parts, name+"="+v.RatString())
		default:
			parts = append(parts, fmt.Sprintf("%s=%#v", name, v))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}
