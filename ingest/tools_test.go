package ingest

import "testing"

func TestFunctionQuestion(t *testing.T) {
	const function = `"function":[{"name":"area","description":"Area.","parameters":{"type":"dict","properties":{"base":{"type":"integer"}}}}]`
	const system = `[{"description":"Area.","name":"area","parameters":{"properties":{"base":{"type":"integer"}},"type":"dict"}}]`
	for _, c := range []recognised{
		{
			"BFCL", `{"id":"simple_python_0","question":[[{"role":"user","content":"Find the area of a triangle."}]],` + function + `}`,
			"bfcl", turns("system", system, "user", "Find the area of a triangle."),
		},
		{
			"with the calls", `{"question":[[{"role":"user","content":"q"}]],` + function + `,"ground_truth":[{"area":{"base":[10.0]}}]}`,
			"bfcl", turns("system", system, "user", "q", "assistant", `[{"area":{"base":[10]}}]`),
		},
		{
			"several steps", `{"question":[[{"role":"user","content":"1"}],[{"role":"user","content":"2"}]],` + function + `,"ground_truth":[["a()"],["b()"]]}`,
			"bfcl", turns("system", system, "user", "1", "assistant", `["a()"]`, "user", "2", "assistant", `["b()"]`),
		},
		{"turns without steps", `{"question":[{"role":"user","content":"q"}],` + function + `}`, "bfcl", turns("system", system, "user", "q")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"question":[],` + function + `}`, "question is empty"},
		{`{"question":[[]],` + function + `}`, "question has no turn of a user"},
		{`{"question":["q"],` + function + `}`, "question[0] must be an array of turns, not a string"},
		{`{"question":[[{"role":"user"}]],` + function + `}`, "question[0][0]: no content"},
		{`{"question":[[{"role":"user","content":"q"}]],"function":"f"}`, "function must be a list of functions, not a string"},
		{`{"question":[[{"role":"user","content":"1"}],[{"role":"user","content":"2"}]],` + function + `,"ground_truth":[["a()"]]}`, "question has 2 steps, but ground_truth has calls for 1"},
	} {
		refusedFor(t, c[0], c[1])
	}
}

func TestAPIBench(t *testing.T) {
	const rest = `,"api_call":"torch.hub.load('x')","provider":"PyTorch","api_data":{"domain":"Audio"}}`
	for _, c := range []recognised{
		{
			"neither Python nor JSON", `{"code":"{'Instruction': I need an API that's fast, please., 'Output': {'domain': 'Audio', 'api_call': \"model = torch.hub.load('x')\", 'code': 'import torch\nm = load(\"x\")'}}"` + rest,
			"apibench", triple("I need an API that's fast, please.", "", `{'domain': 'Audio', 'api_call': "model = torch.hub.load('x')", 'code': 'import torch`+"\n"+`m = load("x")'}`),
		},
		{"a quoted instruction, no space", `{"code":"{'Instruction': \"I'm asking.\", 'Output':{'domain': 'd'}}"` + rest, "apibench", triple("I'm asking.", "", "{'domain': 'd'}")},
		{
			"an input", `{"code":"{'Instruction': Detect a contradiction., 'Input': 'It is. It is not.', 'Output': 'contradiction'}"` + rest,
			"apibench", triple("Detect a contradiction.", "It is. It is not.", "contradiction"),
		},
		{
			"Hugging Face", `{"code":"###Instruction: Recommend articles.\n###Output: <<<domain>>>: NLP\n<<<api_call>>>: AutoModel.from_pretrained('x')\n"` + rest,
			"apibench", triple("Recommend articles.", "", "<<<domain>>>: NLP\n<<<api_call>>>: AutoModel.from_pretrained('x')"),
		},
		{"without marks", `{"code":"Instruction: Ask.\nOutput: Answer."` + rest, "apibench", triple("Ask.", "", "Answer.")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"code":"import torch"` + rest, "code does not say which part of it is the Instruction"},
		{`{"code":"{'Instruction': x}"` + rest, "code does not say which part of it is the Instruction"},
		{`{"code":"See Instruction: x\n###Output: y"` + rest, "code does not say which part of it is the Instruction"},
		{`{"code":"{'Instruction': , 'Output': ''}"` + rest, "empty row"},
		{`{"code":{}` + rest, "code must be a string, not an object"},
	} {
		refusedFor(t, c[0], c[1])
	}
}
