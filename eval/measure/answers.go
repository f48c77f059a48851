package measure

import "strings"

// Vote returns the answer that most of a question's k sampled replies gave, and the share of all k that gave
// it: self-consistency (Wang et al. 2023, "Self-Consistency Improves Chain of Thought Reasoning in Language
// Models"). Answers are what was taken out of the replies, compared byte by byte, so bring them to one form
// first; "" is a reply without an answer, which has no vote and still counts among the k. Of answers with as
// many votes the one given first wins. The answer is "" if there was no vote.
func Vote(answers []string) (answer string, agreement Ratio) {
	votes := map[string]int{}
	for _, a := range answers {
		if a != "" {
			votes[a]++
		}
	}
	agreement.Whole = len(answers)
	for _, a := range answers {
		if votes[a] > agreement.Part {
			answer, agreement.Part = a, votes[a]
		}
	}
	return answer, agreement
}

// ThinksAloud reports whether a reply shows a chain of thought: an equation with an operation in it; a <think> tag;
// "step by step" or "let me think"; two or more numbered steps ("Step 1"); or two or more statements of cause
// (Connectives.Cause). Where a plain answer is due, as to a greeting or a question of fact, a model over-trained
// on worked solutions shows one all the same; the share of such replies without one is the measure. English, but
// for equations and tags.
func ThinksAloud(s string) bool {
	if strings.Contains(s, "<think>") || CountEquations(s).Total > 0 || CountConnectives(s).Cause >= 2 {
		return true
	}
	list := scan(s)
	steps := 0
	for i := 0; i < len(list); i++ {
		switch _, class := aloud.at(list, i); class {
		case thinking:
			return true
		case step:
			steps++
		}
	}
	return steps >= 2
}

const (
	thinking = iota + 1
	step
)

// aloud is never written to.
var aloud = phrasesOf(map[int]string{
	thinking: `step by step, let me think, lets think, lets break this down, lets break it down`,
	step:     `step 1, step 2, step 3, step 4, step one, step two, step three, first step, second step, next step`,
})
