package card

import (
	"fmt"
	"math"
	"strings"
)

// use shows how to load what is there. The code runs from the card's folder.
func (c *Card) use(b *strings.Builder) {
	if c.Merged == "" && c.GGUF == "" && c.Adapter == "" {
		return
	}
	b.WriteString("## How to use\n\n")
	if c.NoDeploy {
		b.WriteString("In a study alone, see above.\n\n")
	}
	var commands []string
	for _, path := range []string{c.Merged, c.GGUF} {
		if path != "" {
			commands = append(commands, "smelt generate --model "+shell(path)+" --chat 'What is slag?'")
		}
	}
	if len(commands) > 0 {
		b.WriteString(fence("sh", strings.Join(commands, "\n")) + "\n")
	}
	model := c.Merged
	code := "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
	switch {
	case c.Merged != "":
		code += fmt.Sprintf("\nmodel = AutoModelForCausalLM.from_pretrained(%s)\n", quoted(model))
	case c.Adapter != "" && c.BaseModel != "":
		model = c.BaseModel
		code = "from peft import PeftModel\n" + code +
			fmt.Sprintf("\nbase = AutoModelForCausalLM.from_pretrained(%s)\nmodel = PeftModel.from_pretrained(base, %s)\n", quoted(model), quoted(c.Adapter))
	default:
		return
	}
	code += fmt.Sprintf(`tokenizer = AutoTokenizer.from_pretrained(%s)
chat = [{"role": "user", "content": "What is slag?"}]
prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
answer = model.generate(**prompt, max_new_tokens=200)
print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1]:], skip_special_tokens=True))
`, quoted(model))
	b.WriteString(fence("python", code) + "\n")
}

// fewRows is below what a standard error says little, since it is itself uncertain.
const fewRows = 30

// limits says what the figures do not, and which of them say nothing.
func (c *Card) limits(b *strings.Builder) {
	b.WriteString("## Limits\n\n")
	item := func(format string, args ...any) { fmt.Fprintf(b, "- "+format+"\n", args...) }
	var worse, noise, few, missing []string
	for _, r := range c.Results {
		if d := r.Change; d != nil && !math.IsNaN(d.Mean) && !math.IsNaN(d.StandardError) {
			switch {
			case math.Abs(d.Mean) <= 2*d.StandardError:
				noise = append(noise, text(r.Name))
			case d.Mean > 0:
				worse = append(worse, text(r.Name))
			}
		}
		if r.Rows < fewRows {
			few = append(few, text(r.Name))
		}
		if math.IsNaN(r.Before.Mean) || math.IsNaN(r.After.Mean) {
			missing = append(missing, text(r.Name))
		}
	}
	if len(worse) > 0 {
		item("It got worse, by more than two standard errors, on: %s.", strings.Join(worse, ", "))
	}
	if len(noise) > 0 {
		item("The change is within two standard errors, so it may be chance, on: %s.", strings.Join(noise, ", "))
	}
	if len(few) > 0 {
		item("Fewer than %d rows were held out, too few to say much, of: %s.", fewRows, strings.Join(few, ", "))
	}
	if len(missing) > 0 {
		item("Not measured before, after or both: %s.", strings.Join(missing, ", "))
	}
	if c.PlannedSteps > c.Steps {
		item("The run ended early, after %s of %s.", grouped(c.Steps), plural(c.PlannedSteps, "step"))
	}
	if len(c.Results) > 0 {
		item("Validation loss says how well the model predicts answers like those it was trained on. It does not say that what it\n" +
			"  writes is right, nor how it does on other tasks.")
	}
	item("Nothing here measures how safe the model is. It can state falsehoods fluently, and has the limits of the model it was\n" +
		"  trained from and of the data above.")
	for _, l := range c.Limits {
		if l = text(l); l != "" {
			item("%s", l)
		}
	}
}
