/* history_suites: the parts of the history contract, one file each. */
#ifndef LASTWORD_TESTS_HISTORY_SUITES_H
#define LASTWORD_TESTS_HISTORY_SUITES_H

int history_contract_record(void); /* history_contract.c */
int history_contract_read(void);
int history_contract_async(void);

#endif
