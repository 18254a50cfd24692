# Decode, check, resize and pack the pictures of a study.
rule ingest:
    input:
        *inputs("ingest"),
    output:
        **outputs("ingest"),
    log:
        log_of("ingest"),
    priority: order("ingest")
    conda:
        "../../environment.yml"
    threads: processors("ingest")
    resources:
        **resources("ingest"),
    shell:
        command("ingest")
