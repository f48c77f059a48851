package card

import (
	"fmt"
	"slices"
	"strings"
)

// frontMatter writes what the hub reads. What cannot be an id of the hub is left out: the hub refuses cards
// with such.
func (c *Card) frontMatter(b *strings.Builder) {
	b.WriteString("---\n")
	if identifier(c.BaseHub) {
		relation := "finetune"
		if c.Merged == "" && c.Adapter != "" {
			relation = "adapter"
		}
		fmt.Fprintf(b, "base_model: %s\nbase_model_relation: %s\n", quoted(c.BaseHub), relation)
	}
	var datasets []string
	for _, s := range c.Sources {
		if identifier(s.Hub) {
			datasets = append(datasets, s.Hub)
		}
	}
	slices.Sort(datasets)
	list(b, "datasets", slices.Compact(datasets))
	list(b, "language", c.Languages)
	switch {
	case c.Merged != "":
		b.WriteString("library_name: transformers\n")
	case c.Adapter != "":
		b.WriteString("library_name: peft\n")
	}
	switch id := strings.ToLower(c.License); {
	case id == "":
		b.WriteString("license: unknown\n")
	case identifier(id) && !strings.Contains(id, "/"):
		fmt.Fprintf(b, "license: %s\n", quoted(id))
	default:
		fmt.Fprintf(b, "license: other\nlicense_name: %s\n", quoted(c.License))
	}
	b.WriteString("pipeline_tag: text-generation\n")
	tags := []string{"smelt"}
	if c.Adapter != "" {
		tags = append(tags, "lora")
	}
	if c.GGUF != "" {
		tags = append(tags, "gguf")
	}
	if c.NoDeploy {
		tags = append(tags, "no-deploy", "research-only")
	}
	for _, t := range c.Tags {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	list(b, "tags", tags)
	b.WriteString("---\n\n")
}

// list writes a key with a list of texts, if there are any.
func list(b *strings.Builder, key string, values []string) {
	if len(values) == 0 {
		return
	}
	b.WriteString(key + ":\n")
	for _, v := range values {
		fmt.Fprintf(b, "- %s\n", quoted(v))
	}
}
