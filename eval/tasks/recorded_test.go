package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recording is what testdata/record_tasks.py has written.
type recording struct {
	Harness string `json:"lm_eval"`
	Tasks   map[string]recordedTask
}

type recordedTask struct {
	Version  string
	Requests []string // hashes, 16 digits a request, by example
	Gold     []json.RawMessage
	Scores   []map[string]float64
	SHA256   string
	Answers  []struct {
		Said     string // with more than one repeat the first answer; the others are taken from those of other cases
		Filtered map[string]string
		Scores   []map[string]float64
	}
	Programs []string
}

func readRecording(t *testing.T, name string) recording {
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	var r recording
	require.NoError(t, json.Unmarshal(raw, &r))
	require.Equal(t, Harness, r.Harness)
	return r
}

func hash(parts ...string) [32]byte { return sha256.Sum256([]byte(strings.Join(parts, "\x00"))) }

func short(sum [32]byte) string { return hex.EncodeToString(sum[:])[:16] }

func requestHash(r Request) [32]byte {
	if r.Kind == LogLikelihood {
		return hash(r.Kind.String(), r.Context, r.Continuation)
	}
	parts := append([]string{r.Kind.String(), r.Context}, r.Until...)
	return hash(append(parts, strconv.Itoa(r.MaxTokens), strconv.FormatBool(r.Sampling.Sample))...)
}

// madeUp is log_prob of record_tasks.py.
func madeUp(t *testing.T, short string) float64 {
	n, err := strconv.ParseUint(short[:6], 16, 64)
	require.NoError(t, err)
	return -float64(n%40960) / 1024
}

// variant is a built-in task with keys of its YAML changed, and other shots.
func variant(t *testing.T, name string) (*Task, Options) {
	parts := strings.Split(name, "/")
	if file, err := os.Open(filepath.Join("testdata", "user", name+".yaml")); err == nil {
		defer file.Close()
		task, err := Read(file)
		require.NoError(t, err)
		return task, Options{}
	}
	task, err := Builtin(parts[0])
	require.NoError(t, err)
	if len(parts) == 1 {
		return task, Options{Limit: 200}
	}
	shots, err := strconv.Atoi(parts[1])
	require.NoError(t, err)
	s := *task.spec
	for _, key := range parts[2:] {
		switch key {
		case "training_split":
			s.Training = ""
		case "fewshot_split":
			s.Fewshot = "test"
		case "fewshot_config":
			s.ShotConfig = shotConfig{Sampler: "first_n"}
		case "gen_prefix":
			s.Prefix = "Let us see:"
		case "target_delimiter":
			newline := "\n"
			s.TargetDelim = &newline
		case "fewshot_delimiter":
			dashes := "\n---\n"
			s.FewshotDelim = &dashes
		case "description":
			s.Description = "Solve.\n"
		default:
			require.Fail(t, key)
		}
	}
	task, err = s.compile()
	require.NoError(t, err)
	return task, Options{Shots: &shots}
}

func compare(t *testing.T, fsys fs.FS, recorded recording) {
	for name, want := range recorded.Tasks {
		t.Run(name, func(t *testing.T) {
			task, options := variant(t, name)
			assert.Equal(t, number(t, want.Version), number(t, task.Version))
			set, err := task.Load(fsys, options)
			require.NoError(t, err)
			require.Len(t, set.Docs, len(want.Requests))

			all := sha256.New()
			for i := range set.Docs {
				doc := &set.Docs[i]
				var hashes string
				var answers []Answer
				for _, r := range task.Requests(doc) {
					sum := requestHash(r)
					all.Write(sum[:])
					hashes += short(sum)
					answers = append(answers, Answer{LogProb: madeUp(t, short(sum))})
				}
				require.Equal(t, want.Requests[i], hashes, "example %d", i)
				if task.Kind() == Generate {
					var gold, have []string
					require.NoError(t, json.Unmarshal(want.Gold[i], &gold))
					for _, target := range doc.Targets {
						have = append(have, short(hash(target)))
					}
					assert.Equal(t, gold, have, "example %d", i)
					continue
				}
				var gold any // a choice's number, or its text
				require.NoError(t, json.Unmarshal(want.Gold[i], &gold))
				if n, ok := gold.(float64); ok {
					assert.Contains(t, doc.Gold, int(n), "example %d", i)
				} else {
					assert.Equal(t, gold, doc.Choices[doc.Gold[0]], "example %d", i)
				}
				scores, err := task.Score(doc, answers)
				require.NoError(t, err)
				require.Len(t, scores, len(want.Scores[i]))
				for key, score := range want.Scores[i] {
					assert.InDelta(t, score, scores[key+",none"], 1e-13, "example %d, %s", i, key)
				}
			}
			assert.Equal(t, want.SHA256, hex.EncodeToString(all.Sum(nil)))

			for n, a := range want.Answers {
				said := []string{a.Said}
				for k := 1; k < task.Repeats; k++ {
					said = append(said, want.Answers[(n*k+1)%len(want.Answers)].Said)
				}
				var answers []Answer
				for _, text := range said {
					answers = append(answers, Answer{Text: text})
				}
				assert.Equal(t, a.Filtered, task.Filtered(said), "%q", said)
				for i, scores := range a.Scores {
					got, err := task.Score(&set.Docs[i], answers)
					require.NoError(t, err)
					assert.Equal(t, scores, got, "example %d, %q", i, a.Said)
				}
			}
			for i, sum := range want.Programs {
				program, err := task.Program(&set.Docs[i], "    return None\n")
				require.NoError(t, err)
				assert.Equal(t, sum, short(hash(program)))
			}
		})
	}
}

func number(t *testing.T, version string) float64 {
	f, err := strconv.ParseFloat(version, 64)
	require.NoError(t, err)
	return f
}

func TestPackIsAskedAndMarkedAsTheHarnessDoes(t *testing.T) {
	recorded := readRecording(t, "pack.json")
	for _, name := range Names()[:8] {
		assert.Contains(t, recorded.Tasks, name)
	}
	said := 0
	for _, task := range recorded.Tasks {
		said += len(task.Answers)
	}
	require.NotZero(t, said)
	user := recording{Tasks: maps.Clone(recorded.Tasks)}
	for _, name := range []string{"capital", "colour"} {
		require.Contains(t, recorded.Tasks, name)
		delete(recorded.Tasks, name)
	}
	compare(t, Pack(), recorded)
	maps.DeleteFunc(user.Tasks, func(name string, _ recordedTask) bool { return name != "capital" && name != "colour" })
	compare(t, os.DirFS(filepath.Join("testdata", "user")), user)
}

// The first 200 examples of the real files, where they are.
func TestDataIsAskedAndMarkedAsTheHarnessDoes(t *testing.T) {
	data := os.Getenv("SMELT_DATA")
	if data == "" {
		t.Skip("set SMELT_DATA to a folder whose subfolder eval holds the real data files")
	}
	recorded := readRecording(t, "data.json")
	require.GreaterOrEqual(t, len(recorded.Tasks), 8)
	compare(t, os.DirFS(filepath.Join(data, "eval")), recorded)
}

func TestNames(t *testing.T) {
	names := Names()
	require.Len(t, names, 8+57)
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(names))), len(names))
	for _, name := range names {
		task, err := Builtin(name)
		require.NoError(t, err, name)
		assert.Equal(t, name, task.Name)
		assert.NotEmpty(t, task.Source, name)
		assert.NotEmpty(t, task.Version, name)
		assert.NotEmpty(t, task.Metrics, name)
	}
	for _, name := range []string{"", "gsm", "mmlu", "mmlu_SUBJECT", "../gsm8k"} {
		_, err := Builtin(name)
		assert.Error(t, err, name)
	}
}
