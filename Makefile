# Each target is one line of plain commands, run in a .venv that is made when first needed.
PYTHON ?= python3
SEEDS ?= 1
PART ?= 0/1
py := .venv/bin/python

book: .venv/ready        ## build the site in _build/html, training whatever the logbook lacks
	$(py) book/runs.py update book/runs.jsonl && rm -rf _build && $(py) tools/execute.py _build/.jupyter_cache && .venv/bin/jupyter-book build . -W -n --keep-going

test: book               ## run every check: package, chapters, pages
	$(py) -m ruff check && HANDMLP_SITE="$(CURDIR)/_build/html" $(py) -m pytest

unit: .venv/ready        ## check the package alone: no build, no browser
	$(py) -m ruff check && $(py) -m pytest tests --ignore tests/test_pages.py --ignore tests/test_chapters.py -k "not real_jupyter"

fuzz: .venv/ready        ## try 10,000 inputs of each kind
	$(py) -m pytest -n 0 --hypothesis-profile fuzz tests/test_fuzz.py

chapter: .venv/ready     ## begin the chapter NAME, such as 14-momentum
	$(py) tools/chapter.py $(NAME)

try: .venv/ready         ## run the chapter CH, such as 08, and its checks
	$(py) -m pytest -n 0 book/$(CH)*.ipynb tests/test_chapters.py tests/test_hidden_code.py tests/test_claims.py -k "$(CH) and not new and not digit"

lab: .venv/ready         ## open the notebooks
	$(py) -m jupyterlab book

notebooks: .venv/ready   ## run the notebooks and write their text outputs and the README's picture back
	$(py) tools/refresh.py && $(py) tools/ladder.py

measure: .venv/ready     ## train everything again and rewrite the logbook
	$(py) book/runs.py measure book/runs.jsonl

check: .venv/ready       ## train SEEDS seeds of each entry of the logbook again and compare; PART=0/8 an eighth of them; LONG=--long those of a minute or more too
	$(py) book/runs.py check --seeds $(SEEDS) --part $(PART) $(LONG) book/runs.jsonl

bench: .venv/peers       ## time a training step, and the way to 97 %, beside other libraries
	$(py) benchmarks/bench.py

pages: .venv/ready       ## measure the pages of the built site on a slow phone
	$(py) benchmarks/pages.py

weights: .venv/ready     ## train the networks that read what is drawn, on the record's kernel
	OPENBLAS_CORETYPE=SkylakeX OMP_NUM_THREADS=1 $(py) book/weights.py

mutants: .venv/mutmut    ## break the package in a thousand small ways and say what no test hears
	$(py) tools/mutants.py

clean:                   ## remove everything that make has made
	rm -rf .venv _build build book/assets/vendor .pytest_cache .ruff_cache .hypothesis *.egg-info

.venv/ready: requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv && $(py) -m pip install --quiet --requirement requirements.txt && touch $@

.venv/peers: .venv/ready benchmarks/requirements.txt
	$(py) -m pip install --quiet --requirement benchmarks/requirements.txt && touch $@

.venv/mutmut: .venv/ready tests/mutants.txt
	$(py) -m pip install --quiet --requirement tests/mutants.txt && touch $@

.PHONY: book test unit fuzz chapter try lab notebooks measure check bench pages weights mutants clean
