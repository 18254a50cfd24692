# List the files of a study and their hashes; make or download them first.
rule fetch:
    input:
        *inputs("fetch"),
    output:
        **outputs("fetch"),
    log:
        log_of("fetch"),
    priority: order("fetch")
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        command("fetch")
