package tasks

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed builtin/*.yaml
var builtin embed.FS

//go:embed pack
var pack embed.FS

// Harness is the release of lm-evaluation-harness whose prompts and scores these are.
const Harness = "0.4.13"

// Names are the built-in tasks in a fixed order, the 57 of mmlu last.
func Names() []string {
	names := []string{
		"gsm8k", "gsm8k_cot", "hellaswag", "truthfulqa_mc1", "truthfulqa_mc2", "arc_easy", "arc_challenge", "humaneval",
	}
	for _, subject := range subjects() {
		names = append(names, "mmlu_"+subject)
	}
	return names
}

// Builtin is the built-in task with that name.
func Builtin(name string) (*Task, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no task %q; there are %s, and mmlu_SUBJECT", name, strings.Join(Names()[:8], ", "))
	}
	file := name
	subject, mmlu := strings.CutPrefix(name, "mmlu_")
	if mmlu {
		file = "mmlu"
	}
	text, err := builtin.ReadFile("builtin/" + file + ".yaml")
	if err != nil {
		return nil, err
	}
	s := string(text)
	if mmlu {
		s = strings.NewReplacer("SUBJECT_WORDS", strings.ReplaceAll(subject, "_", " "), "SUBJECT", subject).Replace(s)
	}
	return Read(strings.NewReader(s))
}

// Pack is a folder with a few invented examples for each built-in task, in the shape of
// the real data: enough to see every task work, far too few to say anything of a model.
func Pack() fs.FS {
	sub, err := fs.Sub(pack, "pack")
	if err != nil {
		return pack // a constant name is always valid
	}
	return sub
}

func subjects() []string {
	return strings.Fields(`abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology
		college_chemistry college_computer_science college_mathematics college_medicine college_physics computer_security
		conceptual_physics econometrics electrical_engineering elementary_mathematics formal_logic global_facts
		high_school_biology high_school_chemistry high_school_computer_science high_school_european_history
		high_school_geography high_school_government_and_politics high_school_macroeconomics high_school_mathematics
		high_school_microeconomics high_school_physics high_school_psychology high_school_statistics
		high_school_us_history high_school_world_history human_aging human_sexuality international_law jurisprudence
		logical_fallacies machine_learning management marketing medical_genetics miscellaneous moral_disputes
		moral_scenarios nutrition philosophy prehistory professional_accounting professional_law professional_medicine
		professional_psychology public_relations security_studies sociology us_foreign_policy virology world_religions`)
}
