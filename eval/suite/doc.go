// Package suite says what a name stands for: a built-in suite, a task, a group of tasks, a probe, or a file that a
// user wrote.
//
//	baseline   gsm8k, hellaswag, humaneval, truthfulqa_mc1, truthfulqa_mc2
//	reasoning  gsm8k_cot, arc_challenge, and the probes samples and plain: what the reasoning score is made of
//	quick      a part of the baseline and of arc, spread over the data: minutes instead of hours
//	behaviour  the probes style, creative, analytical and edge
//	all        every task, the subjects of mmlu too, and every probe
//
//	truthfulqa, arc, mmlu      groups of tasks
//	gsm8k, mmlu_anatomy, ...   the tasks of package tasks
//	style, creative, ...       the probes of package probe
//
// What quick takes of a task is a systematic sample (tasks.Options.Spread) with the prompts of the whole task, so
// its examples are the same ones in every run, and their answers serve the whole task as well. Its standard errors
// are those of a simple random sample of as many, which are, if anything, too wide for one that is spread.
//
//	hellaswag                       200, in the order of activity_label: the kinds of activity
//	arc_easy, arc_challenge         200 each, in the order of id: its beginning names the exam
//	truthfulqa_mc1, truthfulqa_mc2  200 each
//	gsm8k                           50
//	humaneval                       32
//
// # A suite of one's own
//
// is a YAML file, given by its path (a name that ends in .yaml or .yml or has a slash in it):
//
//	name: mine
//	tasks:
//	  - hellaswag                                 # a task, a group or a built-in suite
//	  - {task: gsm8k, limit: 100, shots: 3}       # the first 100, three worked examples
//	  - {task: arc_easy, limit: 50, spread: true} # 50 from all over the data; by: FIELD names strata
//	  - my_task.yaml                              # a task of one's own, beside the suite's file
//	probes: [style, edge]
//
// The form of a task's file is in package tasks. Paths in a suite's file start at its folder. A task of one's own
// finds its data in its own file's folder or else in the data folders given.
package suite
