package ingest

import "smelt/compute/jsontext"

// key is a field name that shapes are told apart by.
type key uint8

const (
	keyInstruction key = iota
	keyInput
	keyContext
	keyOutput
	keyResponse
	keyPrompt
	keyCompletion
	keyQuery
	keyProblem
	keySolution
	keyQuestion
	keyAnswer
	keyAnswerKey
	keyChoices
	keySystemPrompt
	keyConversations
	keyMessages

	keyMC1Targets
	keyMC2Targets
	keyFunction
	keyGroundTruth
	keyLongAnswer
	keyFinalDecision
	keyUpperQuestion
	keyUpperContexts
	keyUpperLongAnswer
	keyChosen
	keyRejected
	keySystem
	keyChat
	keyReplies
	keyRole
	keyMessageID
	keyInstructionV1
	keyOutputV1
	keyCanonicalSolution
	keyCode
	keyTestList
	keyAPICall
	keyStory
	keyArticle
	keyAbstract
	keyTitle
	keyText
	keyLabel
	keyLabels
	keySummary
	keyTarget

	// Not names, but what is under one: the question is a list of turns, the
	// prompt is a message with its replies.
	keyQuestionList
	keyPromptMessage

	numKeys
)

func keyOf(name []byte) (key, bool) {
	switch string(name) {
	case "instruction":
		return keyInstruction, true
	case "input":
		return keyInput, true
	case "context":
		return keyContext, true
	case "output":
		return keyOutput, true
	case "response":
		return keyResponse, true
	case "prompt":
		return keyPrompt, true
	case "completion":
		return keyCompletion, true
	case "query":
		return keyQuery, true
	case "problem":
		return keyProblem, true
	case "solution":
		return keySolution, true
	case "question":
		return keyQuestion, true
	case "answer":
		return keyAnswer, true
	case "answerKey":
		return keyAnswerKey, true
	case "choices":
		return keyChoices, true
	case "system_prompt":
		return keySystemPrompt, true
	case "conversations":
		return keyConversations, true
	case "messages":
		return keyMessages, true
	case "mc1_targets":
		return keyMC1Targets, true
	case "mc2_targets":
		return keyMC2Targets, true
	case "function":
		return keyFunction, true
	case "ground_truth":
		return keyGroundTruth, true
	case "long_answer":
		return keyLongAnswer, true
	case "final_decision":
		return keyFinalDecision, true
	case "QUESTION":
		return keyUpperQuestion, true
	case "CONTEXTS":
		return keyUpperContexts, true
	case "LONG_ANSWER":
		return keyUpperLongAnswer, true
	case "chosen":
		return keyChosen, true
	case "rejected":
		return keyRejected, true
	case "system":
		return keySystem, true
	case "chat":
		return keyChat, true
	case "replies":
		return keyReplies, true
	case "role":
		return keyRole, true
	case "message_id":
		return keyMessageID, true
	case "instruction_v1":
		return keyInstructionV1, true
	case "output_v1":
		return keyOutputV1, true
	case "canonical_solution":
		return keyCanonicalSolution, true
	case "code":
		return keyCode, true
	case "test_list":
		return keyTestList, true
	case "api_call":
		return keyAPICall, true
	case "story":
		return keyStory, true
	case "article":
		return keyArticle, true
	case "abstract":
		return keyAbstract, true
	case "title":
		return keyTitle, true
	case "text":
		return keyText, true
	case "label":
		return keyLabel, true
	case "labels":
		return keyLabels, true
	case "summary":
		return keySummary, true
	case "target":
		return keyTarget, true
	}
	return 0, false
}

// structureOf is the key for what a field holds, beside its name's.
func structureOf(k key, kind jsontext.Kind) (key, bool) {
	switch {
	case k == keyQuestion && kind == jsontext.Array:
		return keyQuestionList, true
	case k == keyPrompt && kind == jsontext.KindObject:
		return keyPromptMessage, true
	}
	return 0, false
}

// keys is a set of keys.
type keys uint64

func (s keys) has(k key) bool { return s&(1<<k) != 0 }
