int katib_placeholder(void);
