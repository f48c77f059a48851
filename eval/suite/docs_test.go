package suite

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files that docs/eval-measures.md shows are read as they stand there.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/eval-measures.md")
	require.NoError(t, err)
	files := map[string]string{"docs/my_task.yaml": ownTask}
	text := ""
	for line := range strings.Lines(string(page) + "\nend\n") {
		if code, ok := strings.CutPrefix(strings.TrimSuffix(line, "\r\n")+"\n", "    "); ok {
			text += code
			continue
		}
		if strings.HasPrefix(text, "name: mine") {
			files["docs/mine.yaml"] = text
		}
		if task, ok := strings.CutPrefix(text, "task: "); ok {
			name, _, _ := strings.Cut(task, "\n")
			files["docs/"+name+".yaml"] = text
		}
		text = ""
	}
	items, err := Resolve([]string{"docs/mine.yaml"}, []string{"docs/capital.yaml", "docs/planets.yaml"}, reader(files))
	require.NoError(t, err)
	assert.Equal(t, `truthfulqa_mc1
truthfulqa_mc2
gsm8k limit 100 shots 3
arc_easy limit 50 spread
hellaswag limit 99 spread by activity_label
own in docs/my_task.yaml
style probe
edge probe
capital in docs/capital.yaml named
planets in docs/planets.yaml named
`, show(items))
}
