package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lenient are results of real templates that differ from Jinja's: here the
// filters map and select make lists, there generators, which cannot be dumped as
// JSON.
var lenient = map[string][]string{
	"llama-cpp-deepseek-r1.jinja": {"tools", "tools and a prompt"},
}

// TestRealTemplates renders the templates of real models, which are not ours to
// keep here, and compares with the recorded hashes of what Jinja makes of them.
func TestRealTemplates(t *testing.T) {
	folder := os.Getenv("SMELT_TEMPLATES")
	if folder == "" {
		t.Skip("SMELT_TEMPLATES names no folder of chat templates (*.jinja)")
	}
	var want map[string]struct {
		Sha256 string
		Cases  map[string]string
	}
	readJSON(t, "testdata/real.json", &want)
	cases, checked := loadCases(t), 0
	for name, w := range want {
		source, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || digest(string(source)) != w.Sha256 {
			t.Logf("%s is not there, or in another version", name)
			continue
		}
		checked++
		t.Run(name, func(t *testing.T) {
			template, err := Parse(string(source))
			require.NoError(t, err)
			for _, c := range cases {
				if slices.Contains(lenient[name], c.Name) {
					continue
				}
				conv, o := c.conversation(t)
				out, err := template.Render(conv, o)
				assert.Equal(t, w.Cases[c.Name], outcome(out.Text, err), "%s: %v", c.Name, err)
			}
		})
	}
	require.Positive(t, checked, "none of the recorded templates is in the folder")
}

// outcome is what record.py calls the digest of a result.
func outcome(text string, err error) string {
	var e *Error
	switch {
	case err == nil:
		return digest(text)
	case errors.As(err, &e) && e.Raised:
		return "raised"
	}
	return "error"
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
