package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/train"
	"smelt/compute/train/finetune"
)

type trainCmd struct {
	Config  kong.ConfigFlag `placeholder:"FILE" help:"Flags from a YAML file, as train.yaml of an earlier run; those of the command line go before."`
	Model   string          `required:"" placeholder:"PATH" help:"The model to begin with: a GGUF file, or a folder with a Hugging Face model."`
	WorkDir string          `required:"" placeholder:"DIR" help:"The folder of the run, where all it writes goes."`

	rowsFlags `group:"Rows:"`

	Method     string   `enum:"lora,full" default:"lora" group:"Method:" help:"lora trains an adapter, full all weights (default lora)."`
	Rank       int      `placeholder:"R" default:"16" group:"Method:" help:"Rank of the adapter (default 16)."`
	Alpha      float64  `placeholder:"A" group:"Method:" help:"The adapter counts alpha/rank times (default: twice the rank)."`
	Dropout    float64  `placeholder:"SHARE" group:"Method:" help:"Share of what the adapter sees that is left out, at random, in training (default 0)."`
	Targets    []string `placeholder:"NAME" group:"Method:" help:"Matrices that get an adapter, of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj (default: all)."`
	RSLoRA     bool     `name:"rslora" group:"Method:" help:"Count the adapter alpha/sqrt(rank) times: for large ranks."`
	DoRA       bool     `name:"dora" group:"Method:" help:"Learn magnitude and direction of weights apart."`
	Precision  string   `enum:"bf16,fp32" default:"bf16" group:"Method:" help:"What products round their factors to; sums and trained weights are in fp32 (default bf16)."`
	NEFTune    float64  `name:"neftune" placeholder:"ALPHA" group:"Method:" help:"Noise on embeddings, 5 being usual (default 0: none)."`
	Optimizer  string   `enum:"adamw,adamw8" default:"adamw" group:"Method:" help:"adamw keeps 8 bytes a trained parameter, adamw8 2 (default adamw)."`
	Context    int      `placeholder:"TOKENS" group:"Method:" help:"Tokens of an example, at most (default 1024, or the model's context if that is less)."`
	TooLong    string   `enum:"cut,drop" default:"cut" group:"Method:" help:"What becomes of longer examples: cut keeps the beginning (default cut)."`
	WholeText  bool     `group:"Method:" help:"Learn prompts, too, not the assistant's words alone."`
	Template   string   `placeholder:"NAME|FILE" group:"Method:" help:"The chat template, for a model without one."`
	Block      int      `placeholder:"TOKENS" group:"Method:" help:"Tokens processed at a time, of several examples packed together (default: the context)."`
	Recompute  string   `placeholder:"LAYERS" default:"auto" group:"Method:" help:"Layers whose activations are computed twice to save memory; the result is the same (default auto: as few as fit)."`
	Memory     int64    `placeholder:"MB" group:"Method:" help:"Memory to plan for (default: what the system says is free)."`
	BatchSize  int      `name:"blocks-per-step" placeholder:"N" default:"4" group:"Steps:" help:"Blocks that a step learns from (default 4)."`
	Rate       float64  `name:"learning-rate" placeholder:"RATE" group:"Steps:" help:"The largest learning rate (default 2e-4 for lora, 2e-5 for full)."`
	Schedule   string   `enum:"cosine,linear,constant" default:"cosine" group:"Steps:" help:"How the learning rate falls: cosine, linear or constant (default cosine)."`
	Warmup     float64  `placeholder:"SHARE" default:"0.03" group:"Steps:" help:"Share of the steps in which the learning rate rises (default 0.03)."`
	MinRate    float64  `placeholder:"SHARE" group:"Steps:" help:"Share of the learning rate at the end (default 0)."`
	Decay      float64  `name:"weight-decay" placeholder:"RATE" group:"Steps:" help:"Share of themselves, times the learning rate, that matrices lose each step (default 0)."`
	Clip       float64  `placeholder:"NORM" default:"1" group:"Steps:" help:"The gradient's norm is cut down to this; 0 leaves it (default 1)."`
	MaxSteps   int      `placeholder:"N" group:"Steps:" help:"End after so many steps (default: when all rows are trained)."`
	Seed       uint64   `default:"0" placeholder:"N" group:"Steps:" help:"Other random numbers (default 0)."`
	Validate   int      `name:"validate-every" placeholder:"STEPS" group:"Steps:" help:"Validate every so many steps (default: up to twenty times in a run, as long as that takes a twentieth of the time, or at the end of each epoch if that is more often)."`
	Patience   int      `placeholder:"N" group:"Steps:" help:"Stop after so many validations without a better one, and keep the best (default: go on)."`
	Checkpoint float64  `name:"checkpoint-minutes" placeholder:"MIN" default:"10" group:"Steps:" help:"Write a checkpoint every so many minutes; 0: only at the end, and on Ctrl-C (default 10)."`
	Keep       int      `name:"keep-checkpoints" placeholder:"N" default:"3" group:"Steps:" help:"Checkpoints that stay (default 3)."`

	To     string `enum:"bf16,f16,f32" default:"bf16" group:"Results:" help:"Precision of merged_model: bf16, f16 or f32 (default bf16)."`
	GGUF   string `name:"gguf" enum:",f32,f16,bf16,q8_0,q4_0,q4_k" default:"" placeholder:"TYPE" group:"Results:" help:"Write model.gguf, too: f32, f16, bf16, q8_0, q4_0 or q4_k."`
	DryRun bool   `group:"Results:" help:"Say what the run would take, and stop."`
	Show   int    `placeholder:"N" group:"Results:" help:"Show N examples as the model learns them (default 1 on a terminal, else 0)."`
	Force  bool   `name:"force" group:"Results:" help:"Begin anew where the folder holds another run, which is removed."`
}

// Help is shown by: smelt train --help.
func (*trainCmd) Help() string {
	return `Teaches a model the rows of a statement and writes a better one. Before the first step it says what will be
trained, and what memory and time that takes on this machine; what does not fit is refused. Ctrl-C, and even
kill -9, lose nothing: the same command goes on where the run was, and ends with the same bits.

  smelt train --model ./SmolLM2 --query 'SAMPLE 10000 FROM buckets WEIGHTED BY PHASE phase1_calibration' --work-dir phase1
  smelt train --model ./SmolLM2 --data rows.jsonl --epochs 3 --work-dir mine --gguf q8_0
  smelt train --model ./SmolLM2 --sample first --method full --optimizer adamw8 --work-dir whole
  smelt train --model ./SmolLM2 --data rows.jsonl --work-dir mine --dry-run --show 3
  smelt train --config phase1/train.yaml --work-dir again

Rows in holdout(2) are never trained on: the loss on them, for each bucket, says whether training helped. Into
a pipe progress is one JSON object a step, on standard error. The folder has adapter/ (as PEFT reads it),
merged_model/ (as transformers does), checkpoints/, metrics.jsonl, a TensorBoard event file, loss.svg,
README.md (the model card), run.json and train.yaml. Units: tokens, megabytes (1 MB is 1,000,000 bytes), nats.`
}

// options are those of finetune.
func (c *trainCmd) options(a *app) (finetune.Options, error) {
	o := finetune.Options{
		LoRA:    llama.LoRA{Rank: c.Rank, Alpha: c.Alpha, Dropout: c.Dropout, RankStabilized: c.RSLoRA, DoRA: c.DoRA},
		FP32:    c.Precision == "fp32",
		Noise:   c.NEFTune,
		Memory:  c.Memory * megabyte,
		Threads: a.Threads,
		Context: c.Context,
		Block:   c.Block,
		All:     c.WholeText,
		Weights: precisionOf(c.To).dtype,
		Anew:    c.Force,
		Train: train.Options{
			Method: train.Method(c.Method), LearningRate: c.Rate, Schedule: train.Schedule(c.Schedule),
			WarmupShare: c.Warmup, MinRateShare: c.MinRate, Optimizer: train.Optimizer(c.Optimizer), WeightDecay: c.Decay,
			ClipNorm: c.Clip, BlocksPerStep: c.BatchSize, MaxSteps: c.MaxSteps, Seed: c.Seed,
			ValidateEvery: c.Validate, Patience: c.Patience, RestoreBest: c.Patience > 0,
			CheckpointMinutes: c.Checkpoint, KeepCheckpoints: c.Keep,
		},
	}
	// In flags 0 turns off; in options it stands for the default.
	for _, share := range []*float64{&o.Train.WarmupShare, &o.Train.ClipNorm, &o.Train.CheckpointMinutes} {
		if *share == 0 {
			*share = -1
		}
	}
	if c.Rank < 1 {
		return o, usagef("--rank %d: must be 1 or more", c.Rank)
	}
	if c.Alpha < 0 || c.Memory < 0 || c.Show < 0 || c.BatchSize < 1 || c.Context < 0 || c.Block < 0 || c.MaxSteps < 0 || c.Keep < 1 {
		return o, usagef("--alpha, --memory, --show, --context, --block and --max-steps must not be negative, --blocks-per-step and --keep-checkpoints be 1 or more")
	}
	if c.TooLong == "drop" {
		o.TooLong = train.Drop
	}
	if c.GGUF != "" {
		o.GGUF = precisionOf(c.GGUF).dtype
	}
	if o.Recompute = finetune.Auto; c.Recompute != "auto" {
		if _, err := fmt.Sscanf(c.Recompute, "%d", &o.Recompute); err != nil || o.Recompute < 0 {
			return o, usagef("--recompute %q: give a number of layers, or auto", c.Recompute)
		}
	}
	for _, name := range c.Targets {
		p, err := llama.ParseProjection(name)
		if err != nil {
			return o, usagef("--targets: %v", err)
		}
		o.LoRA.Projections = append(o.LoRA.Projections, p)
	}
	if c.Template != "" {
		source, err := templateSource(c.Template)
		if err != nil {
			return o, err
		}
		o.Template = source
	}
	if err := o.Train.Validate(); err != nil {
		return o, usagef("%v", err)
	}
	return o, nil
}

// templateSource is the source of a template that is named or in a file.
func templateSource(name string) (string, error) {
	if source, err := chat.BuiltinSource(name); err == nil {
		return source, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", usagef("--template %s: is no file, and none of %s", name, strings.Join(chat.Builtins(), ", "))
	}
	return string(text), err
}
