# Decode, check, resize and pack the pictures of a study.   dvc.yaml: ingest
rule ingest:
    input:
        code("ingest", "core", "imaging", "studies/base", "figures"),
        adapter,
        manifest=made("ingest", "data/{study}/manifest.csv"),
        cases=made("ingest", "data/{study}/cases.parquet"),
        now=now("ingest"),
    output:
        store=directory("data/{study}/store"),
        summary="results/studies/{study}/ingest.json",
        picture=report(
            "results/studies/{study}/sizes.png",
            caption="../report/sizes.rst",
            category="Data",
            labels={"study": "{study}", "figure": "sizes and intensities"},
        ),
        receipt="results/receipts/ingest/{study}.json",
    log:
        "logs/ingest/{study}.log",
    priority: FIRST["ingest"]
    conda:
        "../../environment.yml"
    threads: 8
    shell:
        "python workflow/scripts/ingest.py --study {wildcards.study} --manifest {input.manifest}"
        " --cases {input.cases} --out {output.store} --summary {output.summary}"
        " --picture {output.picture}"
