package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/compute/chat"
	"smelt/compute/llama"
)

type modelInfoCmd struct {
	Path    string `arg:"" help:"A GGUF file, or a folder with a Hugging Face model or an adapter."`
	Context int    `placeholder:"N" help:"Positions that running is estimated for (default: the model's context, but at most 4,096)."`
}

// Help is shown by: smelt model info --help.
func (*modelInfoCmd) Help() string {
	return fmt.Sprintf(`Nothing is loaded but the header. What it takes, in bytes:

  run    the weights as stored, keys and values of --context positions, and what layers work in
  full   16 a parameter (itself, its gradient and AdamW's two means, in fp32), and the activations
  LoRA   the weights as stored, 16 for each number of adapters of rank %d on all matrices of the
         layers, and the activations

  activations of a step of %d tokens, those of each layer computed again: 4 bytes times tokens times
  (layers+1) d + 2 (4 d + 2 q + 2 kv + 3 f) + 8192, for the widths of model (d), queries (q), keys
  (kv) and feed-forward block (f)

  smelt model info SmolLM2-135M-Instruct.Q4_1.gguf
  smelt model info ./TinyLlama --json`, infoRank, infoTokens)
}

const (
	infoRank   = 16
	infoTokens = 2048
	mostInfo   = 4096 // positions
)

// modelInfo is what there is to say of a model.
type modelInfo struct {
	Path        string        `json:"path"`
	Format      string        `json:"format"`
	Parameters  int64         `json:"parameters"`
	StoredBytes int64         `json:"stored_bytes"`
	Types       []typeShare   `json:"types"`
	Layers      int           `json:"layers"`
	Hidden      int           `json:"hidden"`
	FeedForward int           `json:"feed_forward"`
	Heads       int           `json:"heads"`
	KVHeads     int           `json:"kv_heads"`
	HeadDim     int           `json:"head_dim"`
	Vocabulary  int           `json:"vocabulary"`
	Tied        bool          `json:"tied"`
	Context     int           `json:"context"`
	RopeTheta   float64       `json:"rope_theta"`
	RopeType    string        `json:"rope_type"`
	KVPer1000   int64         `json:"kv_cache_bytes_per_1000"`
	BOS         *string       `json:"bos"`
	EOS         []string      `json:"eos"`
	Tokenizer   infoTokenizer `json:"tokenizer"`
	Template    infoTemplate  `json:"template"`
	Weights     []infoWeights `json:"weights"`
	Uses        []infoUse     `json:"uses"`
	Available   *int64        `json:"available_bytes"`
}

type typeShare struct {
	Type    string `json:"type"`
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
}

type infoTokenizer struct {
	Family string `json:"family,omitempty"`
	Size   int    `json:"size,omitempty"`
	Error  string `json:"error,omitempty"`
}

type infoTemplate struct {
	Present bool   `json:"present"`
	Error   string `json:"error,omitempty"`
	First   string `json:"first_line,omitempty"`
}

type infoWeights struct {
	Precision string `json:"precision"`
	Bytes     int64  `json:"bytes"`
}

// infoUse is something to do with a model, and what it takes.
type infoUse struct {
	Use   string `json:"use"`
	Bytes int64  `json:"bytes"`
	Fits  *bool  `json:"fits"` // null where the system does not say what there is
}

func (c *modelInfoCmd) Run(a *app) error {
	if c.Context < 0 {
		return usagef("--context %d: give 1 or more", c.Context)
	}
	if isAdapter(c.Path) {
		return c.adapter(a)
	}
	// What does not fit is to be described, too.
	m, err := openModel(c.Path, llama.Options{Threads: 1, Memory: math.MaxInt64})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	info, err := c.info(m)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.print(writeJSON(a.stdout, info))
	}
	return a.print(writeModelInfo(a.stdout, info))
}

func (c *modelInfoCmd) info(m *llama.Model) (*modelInfo, error) {
	k := m.Config()
	info := &modelInfo{
		Path: c.Path, Format: m.File().Format().String(), Parameters: k.Parameters(), StoredBytes: m.Bytes(),
		Layers: k.Layers, Hidden: k.Hidden, FeedForward: k.FeedForward, Heads: k.Heads, KVHeads: k.KVHeads, HeadDim: k.HeadDim,
		Vocabulary: k.Vocabulary, Tied: k.Tied, Context: k.Context,
		RopeTheta: k.Rope.Theta, RopeType: k.Rope.Type, KVPer1000: k.CacheBytes(1000),
	}
	if info.RopeType == "" {
		info.RopeType = "default"
	}
	if k.Rope.Divisors != nil {
		info.RopeType += ", with divisors"
	}
	for _, t := range m.File().Tensors() {
		i := slices.IndexFunc(info.Types, func(s typeShare) bool { return s.Type == string(t.DType) })
		if i < 0 {
			i = len(info.Types)
			info.Types = append(info.Types, typeShare{Type: string(t.DType)})
		}
		info.Types[i].Tensors++
		info.Types[i].Bytes += t.Size
	}
	for _, p := range precisions() {
		n, err := k.StoredBytes(p.format(), p.dtype)
		if err != nil {
			return nil, err
		}
		info.Weights = append(info.Weights, infoWeights{p.name, n})
	}
	info.describeText(m, &k)
	info.estimate(m, &k, c.Context)
	return info, nil
}

// describeText adds what is known of tokenizer and template. A model without can still be
// looked at.
func (info *modelInfo) describeText(m *llama.Model, k *llama.Config) {
	tok, err := modelTokenizer(m)
	if err != nil {
		info.Tokenizer.Error = err.Error()
	} else {
		info.Tokenizer = infoTokenizer{Family: tok.Family(), Size: tok.Size()}
		if id, ok := tok.BOS(); ok {
			name, _ := tok.Token(id)
			info.BOS = &name
		}
	}
	for _, id := range k.EOS {
		name := fmt.Sprint(id)
		if tok != nil {
			if token, ok := tok.Token(id); ok {
				name = token
			}
		}
		info.EOS = append(info.EOS, name)
	}
	source, err := m.Template()
	if err == nil && source != "" {
		info.Template.Present = true
		info.Template.First, _, _ = strings.Cut(strings.TrimSpace(source), "\n")
		_, err = chat.Parse(source)
	}
	if err != nil {
		info.Template.Error = err.Error()
	}
}

// estimate adds what running and training take.
func (info *modelInfo) estimate(m *llama.Model, k *llama.Config, context int) {
	if context == 0 {
		context = min(k.Context, mostInfo)
	}
	available, known := llama.AvailableMemory()
	if known {
		info.Available = &available
	}
	use := func(name string, bytes int64) {
		u := infoUse{Use: name, Bytes: bytes}
		if known {
			fits := bytes <= available
			u.Fits = &fits
		}
		info.Uses = append(info.Uses, u)
	}
	tokens := min(infoTokens, k.Context)
	step := thousands(int64(tokens)) + " tokens a step"
	use("run as stored, "+counted(int64(context), "position"), m.Bytes()+k.CacheBytes(context)+k.WorkBytes())
	use(fmt.Sprintf("train LoRA of rank %d, %s", infoRank, step), k.TrainingBytes(llama.Training{Tokens: tokens, Rank: infoRank}, m.Bytes()))
	use("train all parameters, "+step, k.TrainingBytes(llama.Training{Tokens: tokens}, m.Bytes()))
}

func writeModelInfo(w io.Writer, i *modelInfo) error {
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-11s %s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	line("model", "%s, %s", i.Path, i.Format)
	line("parameters", "%s", thousands(i.Parameters))
	var types []string
	for _, t := range i.Types {
		types = append(types, fmt.Sprintf("%s in %s", megabytes(t.Bytes), t.Type))
	}
	line("stored", "%s", strings.Join(types, ", "))
	head := "a head of its own"
	if i.Tied {
		head = "the head tied to it"
	}
	line("shape", "%s of width %s, feed-forward %s", counted(int64(i.Layers), "layer"), thousands(int64(i.Hidden)), thousands(int64(i.FeedForward)))
	line("attention", "%s, %s for keys and values, each of width %d", counted(int64(i.Heads), "head"), thousands(int64(i.KVHeads)), i.HeadDim)
	line("vocabulary", "%s tokens, %s", thousands(int64(i.Vocabulary)), head)
	line("context", "%s positions, rope %s with theta %g", thousands(int64(i.Context)), i.RopeType, i.RopeTheta)
	line("KV cache", "%s for 1,000 tokens", megabytes(i.KVPer1000))
	if i.Tokenizer.Error != "" {
		line("tokenizer", "%s", i.Tokenizer.Error)
	} else {
		line("tokenizer", "%s, %s tokens", i.Tokenizer.Family, thousands(int64(i.Tokenizer.Size)))
	}
	if i.BOS != nil {
		line("begins with", "%s", *i.BOS)
	}
	if len(i.EOS) > 0 {
		line("ends with", "%s", strings.Join(i.EOS, ", "))
	}
	switch t := i.Template; {
	case t.Error != "":
		line("template", "%s", t.Error)
	case t.Present:
		line("template", "%s", look{}.shorten(t.First, 80))
	default:
		line("template", "none; --template names one for chats: %s", strings.Join(chat.Builtins(), ", "))
	}

	t := newTable([]string{"weights as", "size"}, map[int]bool{1: true})
	for _, p := range i.Weights {
		t.AppendRow(table.Row{p.Precision, megabytes(p.Bytes)})
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", trimLines(t.Render()))

	t = newTable([]string{"to", "memory", "fits here"}, map[int]bool{1: true})
	for _, u := range i.Uses {
		fits := "not known"
		if u.Fits != nil {
			fits = map[bool]string{true: "yes", false: "no"}[*u.Fits]
		}
		t.AppendRow(table.Row{u.Use, megabytes(u.Bytes), fits})
	}
	_, err := fmt.Fprintf(w, "\n%s\n", trimLines(t.Render()))
	if i.Available != nil && err == nil {
		_, err = fmt.Fprintf(w, "\n%s of memory are available\n", megabytes(*i.Available))
	}
	return err
}
