package tasks

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
)

// defaultMaxTokens is how long an answer may get where a task does not say, as in the
// harness's models.
const defaultMaxTokens = 256

// maxRepeats bounds how many answers a request gets.
const maxRepeats = 1000

// spec is a task as its YAML has it.
type spec struct {
	Name          string            `yaml:"task"`
	Group         string            `yaml:"group"`
	Description   string            `yaml:"description"`
	DatasetPath   string            `yaml:"dataset_path"`
	DatasetKwargs datasetKwargs     `yaml:"dataset_kwargs"`
	Where         map[string]string `yaml:"where"`
	OutputType    string            `yaml:"output_type"`
	Training      string            `yaml:"training_split"`
	Validation    string            `yaml:"validation_split"`
	Test          string            `yaml:"test_split"`
	Fewshot       string            `yaml:"fewshot_split"`
	ProcessDocs   string            `yaml:"process_docs"`
	Results       string            `yaml:"process_results"`
	Text          string            `yaml:"doc_to_text"`
	Target        any               `yaml:"doc_to_target"`
	Choice        any               `yaml:"doc_to_choice"`
	Prefix        string            `yaml:"gen_prefix"`
	TargetDelim   *string           `yaml:"target_delimiter"`
	FewshotDelim  *string           `yaml:"fewshot_delimiter"`
	Shots         int               `yaml:"num_fewshot"`
	ShotConfig    shotConfig        `yaml:"fewshot_config"`
	Generation    generation        `yaml:"generation_kwargs"`
	Repeats       int               `yaml:"repeats"`
	Unsafe        bool              `yaml:"unsafe_code"`
	Filters       []filterSpec      `yaml:"filter_list"`
	Metrics       []metricSpec      `yaml:"metric_list"`
	Metadata      metadata          `yaml:"metadata"`

	// Of no effect here.
	Tag             any    `yaml:"tag"`
	Alias           string `yaml:"task_alias"`
	DatasetName     string `yaml:"dataset_name"`
	Decontaminate   bool   `yaml:"should_decontaminate"`
	DecontaminateBy string `yaml:"doc_to_decontamination_query"`
}

type datasetKwargs struct {
	Files map[string]texts `yaml:"data_files"`
}

type shotConfig struct {
	Sampler string           `yaml:"sampler"`
	Split   string           `yaml:"split"`
	Samples []map[string]any `yaml:"samples"`
	Text    string           `yaml:"doc_to_text"`
	Target  any              `yaml:"doc_to_target"`
	Choice  any              `yaml:"doc_to_choice"`
}

type generation struct {
	Until       texts   `yaml:"until"`
	MaxTokens   int     `yaml:"max_gen_toks"`
	DoSample    *bool   `yaml:"do_sample"`
	Temperature float64 `yaml:"temperature"`
	TopP        float64 `yaml:"top_p"`
	TopK        *int    `yaml:"top_k"`
}

// defaultTopK is how many tokens transformers draws from unless it is told a number.
const defaultTopK = 50

// sampling is how the harness's model hf chooses tokens: a temperature alone is reason to
// draw (models/utils.py, normalize_gen_kwargs), and without do_sample nothing else counts.
func (g *generation) sampling() Sampling {
	if g.DoSample == nil && g.Temperature == 0 || g.DoSample != nil && !*g.DoSample {
		return Sampling{}
	}
	s := Sampling{Sample: true, Temperature: g.Temperature, TopP: g.TopP, TopK: defaultTopK}
	if g.TopK != nil {
		s.TopK = *g.TopK
	}
	return s
}

func (g *generation) check() error {
	switch {
	case g.MaxTokens < 0:
		return fmt.Errorf("generation_kwargs: max_gen_toks is %d: it can be 1 or more", g.MaxTokens)
	case !(g.Temperature >= 0 && g.Temperature <= math.MaxFloat32):
		return fmt.Errorf("generation_kwargs: temperature is %g: it can be 0 or more", g.Temperature)
	case !(g.TopP >= 0 && g.TopP <= 1):
		return fmt.Errorf("generation_kwargs: top_p is %g: it can be from 0 to 1", g.TopP)
	case g.TopK != nil && *g.TopK < 0:
		return fmt.Errorf("generation_kwargs: top_k is %d: it can be 0, for all, or more", *g.TopK)
	}
	return nil
}

type filterSpec struct {
	Name  string `yaml:"name"`
	Steps []step `yaml:"filter"`
}

type step struct {
	Function string            `yaml:"function"`
	Pattern  string            `yaml:"regex_pattern"`
	Group    int               `yaml:"group_select"`
	Fallback *string           `yaml:"fallback"`
	K        int               `yaml:"k"`
	Mapping  map[string]string `yaml:"mapping_dict"`
	Default  string            `yaml:"default_value"`
}

type metricSpec struct {
	Name              string `yaml:"metric"`
	Aggregation       string `yaml:"aggregation"`
	HigherIsBetter    *bool  `yaml:"higher_is_better"`
	IgnoreCase        bool   `yaml:"ignore_case"`
	IgnorePunctuation bool   `yaml:"ignore_punctuation"`
	IgnoreNumbers     bool   `yaml:"ignore_numbers"`
	Ignore            texts  `yaml:"regexes_to_ignore"`
	K                 []int  `yaml:"k"`
}

type metadata struct {
	Version any    `yaml:"version"`
	Source  string `yaml:"source"`
}

// texts is a list of strings or a single one.
type texts []string

// UnmarshalYAML reads either form.
func (t *texts) UnmarshalYAML(raw []byte) error {
	var one string
	if err := yaml.Unmarshal(raw, &one); err == nil {
		*t = texts{one}
		return nil
	}
	return yaml.Unmarshal(raw, (*[]string)(t))
}

// Read reads a task from YAML (see the package's doc for its keys). An error names the
// key, with its line if the file has it.
func Read(r io.Reader) (*Task, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(raw), "!function") {
		return nil, errors.New("a task with !function needs Python, which is not run here: say it with templates, filters and metrics, or leave it to the harness")
	}
	var s spec
	if err := Decode(raw, &s); err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	if s.Name == "" {
		return nil, errors.New("task: it has no name: give it a key task")
	}
	t, err := s.compile()
	if err == nil {
		return t, nil
	}
	if line := lineOf(raw, err); line > 0 {
		return nil, fmt.Errorf("task %s, line %d: %w", s.Name, line, err)
	}
	return nil, fmt.Errorf("task %s: %w", s.Name, err)
}

// compile checks s and makes a task of it.
func (s *spec) compile() (*Task, error) {
	if s.DatasetPath != "json" {
		return nil, fmt.Errorf("dataset_path is %q: only json can be read, with the files in dataset_kwargs.data_files", s.DatasetPath)
	}
	if split := s.evalSplit(); split == "" {
		return nil, errors.New("test_split is missing: it names the split of dataset_kwargs.data_files that is asked")
	} else if len(s.DatasetKwargs.Files[split]) == 0 {
		return nil, fmt.Errorf("dataset_kwargs: no file for the split %q: name one in data_files, or another split in test_split or validation_split", split)
	}
	for _, names := range s.DatasetKwargs.Files {
		for i, name := range names {
			if names[i] = path.Clean(name); !fs.ValidPath(names[i]) {
				return nil, fmt.Errorf("dataset_kwargs: the file %s is not below a data folder: name it as it is called in its folder, and the folder with --data", name)
			}
		}
	}
	if s.Repeats < 0 || s.Repeats > maxRepeats {
		return nil, fmt.Errorf("repeats is %d: it can be from 1 to %d", s.Repeats, maxRepeats)
	}
	t := &Task{
		Name: s.Name, Group: s.Group, Shots: s.Shots, Repeats: max(1, s.Repeats), Code: s.Unsafe, Source: s.Metadata.Source, spec: s,
	}
	if s.Metadata.Version != nil {
		t.Version = fmt.Sprint(s.Metadata.Version)
	}
	switch s.OutputType {
	case "multiple_choice":
		t.kind = LogLikelihood
		if s.Choice == nil || s.Target == nil {
			return nil, errors.New("output_type is multiple_choice, which needs doc_to_choice and doc_to_target")
		}
	case "generate_until":
		t.kind = Generate
		if err := s.Generation.check(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("output_type is %q: it can be multiple_choice or generate_until", s.OutputType)
	}
	if s.Text == "" {
		return nil, errors.New("doc_to_text is missing: it makes the prompt")
	}
	if s.Shots < 0 {
		return nil, fmt.Errorf("num_fewshot is %d: it can be 0 or more", s.Shots)
	}
	switch s.ShotConfig.Sampler {
	case "", "default", "first_n":
	default:
		return nil, fmt.Errorf("fewshot_config.sampler is %q: it can be default or first_n", s.ShotConfig.Sampler)
	}
	if _, ok := preparers[s.ProcessDocs]; !ok {
		return nil, fmt.Errorf("process_docs is %q, which is none of arc, hellaswag and truthfulqa", s.ProcessDocs)
	}
	var err error
	if t.forms, err = compileForms(s.Text, s.Target, s.Choice, s.Prefix); err != nil {
		return nil, err
	}
	c := &s.ShotConfig
	if t.shot, err = compileForms(or(c.Text, s.Text), orAny(c.Target, s.Target), orAny(c.Choice, s.Choice), s.Prefix); err != nil {
		return nil, fmt.Errorf("fewshot_config: %w", err)
	}
	if t.about, err = compileField("description", s.Description); err != nil {
		return nil, err
	}
	if err := t.compileFilters(); err != nil {
		return nil, err
	}
	return t, t.compileMetrics()
}

func (s *spec) evalSplit() string { return or(s.Test, s.Validation) }

// shotSplit is where worked examples come from: the split told, or the first there is
// of training, validation and test. told says which.
func (s *spec) shotSplit() (split string, told bool) {
	if split = or(s.ShotConfig.Split, s.Fewshot); split != "" {
		return split, true
	}
	return or(s.Training, or(s.Validation, s.Test)), false
}

func (s *spec) targetDelimiter() string { return orText(s.TargetDelim, " ") }
func (s *spec) fewshotDelimiter() string {
	return orText(s.FewshotDelim, "\n\n")
}

func (s *spec) until() []string {
	if len(s.Generation.Until) == 0 {
		return []string{s.fewshotDelimiter()}
	}
	return s.Generation.Until
}

func (g *generation) maxTokens() int {
	if g.MaxTokens > 0 {
		return g.MaxTokens
	}
	return defaultMaxTokens
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func orAny(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

func orText(a *string, b string) string {
	if a != nil {
		return *a
	}
	return b
}
